"""CloudEvents 1.0 over Kafka, binary mode (CloudEvents Kafka protocol binding).

The event's attributes are headers (`ce_id`, `ce_source`, …) and its data is the record's value, as JSON. A record without
a value on a compacted topic is a tombstone: an Envelope whose `data` is None.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal, TypeVar, get_args, get_type_hints
from uuid import UUID

import msgspec

from gridcare.errors import PassedOver, Rejected
from gridcare.events.topics import Topic

Headers = Sequence[tuple[str, bytes]]
E = TypeVar("E", bound="Event")

_TYPE_PREFIX = "gridcare."
_CONTENT_TYPE = b"application/json"
_VERSION_END = 2**63
_VERSION = "ce_aggregateversion"
_FORMER_VERSION = "ce_sequence"
"""The former name of the version's attribute, which means another thing in CloudEvents. It is still written, because consumers
of the former release ask for it, and read, because a topic keeps records for 28 days; it goes 28 days after that release."""

UNKNOWN: Final = "unknown"
Unknown = Literal["unknown"]
"""What a consumer is given for a value that came later than its release, in a field whose set of values is open."""
_ESCAPED_NUL = b"\\u0000"
"""PostgreSQL text cannot hold NUL. Unless it is refused here, a consumer fails on the record as if by a bug of its own."""
_TRACEPARENT = re.compile(rb"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A published fact: the whole public state of one aggregate at `version`.

    Subclasses set `topic` and `key_field` (the field that is the record's key) and hold no personal data.
    """

    topic: ClassVar[Topic]
    key_field: ClassVar[str]

    version: int

    @property
    def key(self) -> str:
        return str(getattr(self, self.key_field))

    def destination(self) -> Topic:
        """Return the topic to publish to; an event may choose between topics of the same shape."""
        return self.topic


_BY_TYPE: dict[str, type[Event]] = {}
_ENCODER = msgspec.json.Encoder(uuid_format="canonical")
_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {}
_OPEN: dict[str, dict[str, frozenset[str]]] = {}


def published(cls: type[E]) -> type[E]:
    """Register an event class under its type name (a decorator)."""
    name = type_name(cls)
    _BY_TYPE[name] = cls
    _DECODERS[name] = msgspec.json.Decoder(cls)
    _OPEN[name] = _open_sets(cls)
    return cls


def type_name(cls: type[Event]) -> str:
    """Return the CloudEvents `type` of an event class."""
    return _TYPE_PREFIX + cls.__name__


def event_types() -> dict[str, type[Event]]:
    """Return every registered event class by its CloudEvents type."""
    return dict(_BY_TYPE)


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event with its CloudEvents attributes; `data` is None for a tombstone."""

    id: UUID
    source: str
    type: str
    time: datetime
    subject: str
    version: int
    traceparent: str | None
    data: Event | None


@dataclass(frozen=True, slots=True)
class Wire:
    """A Kafka record as bytes."""

    topic: str
    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes]]


def encode(envelope: Envelope, *, topic: Topic) -> Wire:
    """Return the record that carries an envelope."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(envelope.id).encode()),
        ("ce_source", envelope.source.encode()),
        ("ce_type", envelope.type.encode()),
        ("ce_time", envelope.time.astimezone(UTC).isoformat(timespec="microseconds").encode()),
        ("ce_subject", envelope.subject.encode()),
        (_VERSION, str(envelope.version).encode()),
        (_FORMER_VERSION, str(envelope.version).encode()),
        ("content-type", _CONTENT_TYPE),
    ]
    if envelope.traceparent:
        headers.append(("traceparent", envelope.traceparent.encode()))
    value = None if envelope.data is None else _ENCODER.encode(envelope.data)
    return Wire(topic.name, envelope.subject.encode(), value, headers)


def decode(key: bytes | None, value: bytes | None, headers: Headers) -> Envelope:
    """Return the envelope that a record carries.

    A value that is not in an open set is UNKNOWN in the event. Raises PassedOver for a
    type that came later than this release, and Rejected: `not-cloudevents`
    (attributes missing or malformed), `invalid-event-data`.
    """
    attributes = dict(headers)
    try:
        event_id = UUID(attributes["ce_id"].decode())
        kind = attributes["ce_type"].decode()
        time = datetime.fromisoformat(attributes["ce_time"].decode())
        source = attributes["ce_source"].decode()
        version = int(attributes[_VERSION] if _VERSION in attributes else attributes[_FORMER_VERSION])
        subject = attributes["ce_subject"].decode() if "ce_subject" in attributes else (key or b"").decode()
    except (KeyError, ValueError) as error:
        raise Rejected("not-cloudevents", type(error).__name__) from None
    if time.tzinfo is None or attributes.get("ce_specversion") != b"1.0":
        raise Rejected("not-cloudevents", "ce_time or ce_specversion")
    if not 0 <= version < _VERSION_END or "\x00" in subject:
        raise Rejected("not-cloudevents", "ce_aggregateversion or ce_subject")
    traceparent = attributes.get("traceparent", b"")
    data: Event | None = None
    if value is not None:
        if kind not in _DECODERS:
            raise PassedOver(kind)
        if _ESCAPED_NUL in value:
            raise Rejected("invalid-event-data", "a text holds NUL")
        try:
            data = _data_of(kind, value)
        except (msgspec.MsgspecError, UnicodeDecodeError):  # without its message, which could quote the data
            raise Rejected("invalid-event-data", kind) from None
        if data.version != version or data.key != subject:
            raise Rejected("invalid-event-data", "version or key differ from the headers")
    good = traceparent.decode() if _TRACEPARENT.match(traceparent) else None
    return Envelope(event_id, source, kind, time, subject, version, good, data)


def data_as(envelope: Envelope, kind: type[E]) -> E:
    """Return an envelope's data, an event of a `kind` that its reader knows.

    Raises PassedOver for an event that a later release may put on this topic, and Rejected(`no-event-data`) for a tombstone.
    """
    if isinstance(envelope.data, kind):
        return envelope.data
    if envelope.data is None:
        raise Rejected("no-event-data", envelope.type)
    raise PassedOver(envelope.type)


def unknown_fields(event: Event) -> tuple[str, ...]:
    """Return the fields of an event whose values came later than this release."""
    return tuple(name for name in _OPEN[type_name(type(event))] if getattr(event, name) == UNKNOWN)


def _data_of(kind: str, value: bytes) -> Event:
    """Return an event's data. Raises MsgspecError or UnicodeDecodeError."""
    event: Event
    try:
        event = _DECODERS[kind].decode(value)
    except msgspec.ValidationError:
        fields = msgspec.json.decode(value)
        if not isinstance(fields, dict):
            raise
        for name, known in _OPEN[kind].items():
            if isinstance(fields.get(name), str) and fields[name] not in known:
                fields[name] = UNKNOWN
        event = msgspec.convert(fields, _BY_TYPE[kind], strict=True)
    return event


def _open_sets(cls: type[Event]) -> dict[str, frozenset[str]]:
    """Return the fields whose sets are open, each with the values known today."""
    hints = get_type_hints(cls)
    return {
        name: frozenset(value for part in get_args(hint) for value in get_args(part))
        for name, hint in hints.items()
        if Unknown in get_args(hint)
    }
