"""The AsyncAPI 3.0 document of a service: what the service sends and receives.

Messages are CloudEvents in the binary mode of the Kafka binding: headers are the attributes, the value is the data.
"""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from gridcare.events import Event, Topic, event_types, type_name
from gridcare.events.notices import BatchPlanned
from gridcare.events.topics import NOTICE_BATCHES
from gridcare.kafka.dead_letters import dead_letter

VERSION: Final = "3.0.0"
KAFKA_BINDING: Final = "0.5.0"
DAY_MS: Final = 86_400_000
TOMBSTONE: Final = "Tombstone"
DEAD_LETTER: Final = "DeadLetter"

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Application:
    """A service as a client of Kafka: the events it writes, and the topics it reads by consumer group."""

    name: str
    summary: str
    sends: tuple[type[Event], ...]
    receives: Mapping[str, tuple[Topic, ...]]

    def sent(self) -> dict[Topic, list[type[Event]]]:
        """Return the events that the service writes, by topic."""
        by_topic: dict[Topic, list[type[Event]]] = {}
        for event in self.sends:
            for topic in topics_of(event):
                by_topic.setdefault(topic, []).append(event)
        return by_topic


def topics_of(event: type[Event]) -> tuple[Topic, ...]:
    """Return the topics of an event: one, or for BatchPlanned those of all channels and lanes."""
    return tuple(NOTICE_BATCHES.values()) if event is BatchPlanned else (event.topic,)


def events_on(topic: Topic) -> list[type[Event]]:
    """Return every event that a topic may carry, in the order of declaration."""
    return [event for event in event_types().values() if topic in topics_of(event)]


def schemas() -> tuple[Document, Document]:
    """Return by name the JSON Schemas of all events' data, and those of the types they contain."""
    classes = list(event_types().values())
    _, by_name = msgspec.json.schema_components(classes, ref_template="#/components/schemas/{name}")
    names = {each.__name__ for each in classes}
    return (
        {name: schema for name, schema in by_name.items() if name in names},
        {name: schema for name, schema in by_name.items() if name not in names},
    )


def document(application: Application, *, version: str) -> Document:
    """Return a service's AsyncAPI document."""
    sent = application.sent()
    received = {topic: group for group, topics in application.receives.items() for topic in topics}
    carried = {topic: events_on(topic) if topic in received else sent[topic] for topic in [*sent, *received]}
    channels = {topic.name: _channel(topic, events) for topic, events in carried.items()}
    channels |= {topic.dead_letters.name: _dead_letters(topic) for topic in received}
    operations = {f"send-{topic.name}": _operation("send", topic, events) for topic, events in sent.items()}
    for topic, group in received.items():
        operations[f"receive-{topic.name}"] = _operation("receive", topic, carried[topic], group=group)
        operations[f"send-{topic.dead_letters.name}"] = _put_aside(topic)
    compacted = any(topic.compacted for topic in carried)
    return {
        "asyncapi": VERSION,
        "info": {"title": application.name, "version": version, "description": application.summary},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": _components({event for events in carried.values() for event in events}, tombstones=compacted),
    }


def _channel(topic: Topic, events: Iterable[type[Event]]) -> Document:
    names = [event.__name__ for event in events] + ([TOMBSTONE] if topic.compacted else [])
    kept = {"cleanup.policy": ["compact"]} if topic.compacted else {"retention.ms": topic.retention_days * DAY_MS}
    return {
        "address": topic.name,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": _kafka(topic=topic.name, partitions=topic.partitions, topicConfiguration=kept),
    }


def _dead_letters(topic: Topic) -> Document:
    letters = topic.dead_letters
    return {
        **_channel(letters, ()),
        "description": f"Records of {topic.name} that were refused, as they were, with the reason in their headers.",
        "messages": {DEAD_LETTER: {"$ref": f"#/components/messages/{DEAD_LETTER}"}},
    }


def _operation(action: str, topic: Topic, events: Iterable[type[Event]], *, group: str = "") -> Document:
    names = [event.__name__ for event in events] + ([TOMBSTONE] if topic.compacted and action == "receive" else [])
    bindings = {"bindings": _kafka(groupId={"type": "string", "const": group})} if group else {}
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{name}"} for name in names],
        **bindings,
    }


def _put_aside(topic: Topic) -> Document:
    channel = f"#/channels/{topic.dead_letters.name}"
    return {
        "action": "send",
        "summary": f"Put a record of {topic.name} aside, for a person to look at and replay.",
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{DEAD_LETTER}"}],
    }


def _components(events: set[type[Event]], *, tombstones: bool) -> Document:
    of_events, parts = schemas()
    used = {name: schema for name, schema in of_events.items() if name in {event.__name__ for event in events}}
    used |= {name: parts[name] for name in sorted(_referred(used.values(), parts))}
    ordered = [event for event in event_types().values() if event in events]
    messages: Document = {event.__name__: _message(event) for event in ordered}
    if tombstones:
        messages[TOMBSTONE] = {
            "title": TOMBSTONE,
            "summary": "What the record's key names is gone. The record has no value.",
            "headers": _headers(None),
            "payload": {"type": "null"},
        }
    messages[DEAD_LETTER] = {
        "title": DEAD_LETTER,
        "summary": "A refused record: its key, value and headers as they were, and why it was refused.",
        "headers": _dead_letter_headers(),
        "payload": {},
    }
    return {"messages": messages, "schemas": used}


def _message(event: type[Event]) -> Document:
    key = {"type": "string", "description": f"`{event.key_field}` of the data"}
    return {
        "name": type_name(event),
        "title": event.__name__,
        "summary": (inspect.getdoc(event) or "").partition("\n\n")[0].replace("\n", " "),
        "contentType": "application/json",
        "headers": _headers(event),
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
        "bindings": _kafka(key=key),
    }


def _headers(event: type[Event] | None) -> Document:
    kind: Document = {"type": "string", "description": "what happened"}
    properties: Document = {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid", "description": "the same however often it is published"},
        "ce_source": {"type": "string", "description": "the service that wrote it"},
        "ce_type": kind if event is None else {"type": "string", "const": type_name(event)},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_subject": {"type": "string", "description": "the record's key"},
        "content-type": {"type": "string", "const": "application/json"},
    }
    required = list(properties)
    version = "`version` of the data; a record of the former release has only ce_sequence"
    properties["ce_aggregateversion"] = {"type": "string", "pattern": "^[0-9]+$", "description": version}
    former = "the same, by its former name, until no consumer asks for it; do not read it"
    properties["ce_sequence"] = {"type": "string", "pattern": "^[0-9]+$", "description": former, "deprecated": True}
    properties["traceparent"] = {"type": "string", "description": "W3C trace context of the transaction that wrote it"}
    versioned = [{"required": ["ce_aggregateversion"]}, {"required": ["ce_sequence"]}]
    return {"type": "object", "properties": properties, "required": required, "anyOf": versioned}


def _dead_letter_headers() -> Document:
    values = (value for name, value in vars(dead_letter).items() if name.startswith(("ORIGINAL_", "EXCEPTION_")))
    return {"type": "object", "properties": {name: {"type": "string"} for name in values}}


def _referred(documents: Iterable[object], parts: Mapping[str, object]) -> set[str]:
    """Return the names of the schemas that documents refer to, directly or indirectly."""
    names = {name for each in documents for name in _references(each) if name in parts}
    return names | _referred([parts[name] for name in names], parts) if names else names


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].rpartition("/")[2]
        for each in node.values():
            yield from _references(each)
    elif isinstance(node, list):
        for each in node:
            yield from _references(each)


def _kafka(**binding: object) -> Document:
    return {"kafka": {**binding, "bindingVersion": KAFKA_BINDING}}
