"""Whatever was once published stays readable: a sample of each event, as it went out, against today's classes.

A sample is never changed. An event that gains a field (with a default) keeps its sample and may get another beside it,
`<Event>.<what>.json`.
"""

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest
from msgspec.inspect import EnumType, LiteralType

from gridcare.errors import Rejected
from gridcare.events import ALL_TOPICS, decode, encode, event_types, type_name
from gridcare.events.envelope import unknown_fields

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.json"))
TOPICS = {topic.name: topic for topic in ALL_TOPICS}


def read(path):
    """Return a sample and the envelope that it decodes to."""
    sample = json.loads(path.read_text())
    headers = [(name, value.encode()) for name, value in sample["headers"].items()]
    return sample, decode(sample["key"].encode(), json.dumps(sample["value"]).encode(), headers)


def test_each_event_has_a_sample():
    """A new event arrives with a record of it as published, and a class whose sample remains cannot be removed."""
    assert {path.name.partition(".")[0] for path in SAMPLES} == {each.__name__ for each in event_types().values()}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_loses_nothing(path):
    """Every field of the record is in what is written back: none was removed, renamed or reshaped."""
    sample, envelope = read(path)
    wire = encode(envelope, topic=TOPICS[sample["topic"]])
    written = json.loads(wire.value)
    assert {name: written.get(name) for name in sample["value"]} == sample["value"]
    headers = {name: value.decode() for name, value in wire.headers}
    assert {name: headers.get(name) for name in sample["headers"]} == sample["headers"]
    assert (wire.topic, wire.key.decode()) == (sample["topic"], sample["key"])


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_fits_its_schema(path):
    """The published JSON Schema of an event describes its record."""
    sample, envelope = read(path)
    jsonschema.validate(sample["value"], msgspec.json.schema(type(envelope.data)))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_later_fields_have_defaults(path):
    """Every field that a class requires is in the sample."""
    sample, envelope = read(path)
    required = {field.encode_name for field in msgspec.structs.fields(envelope.data) if field.required}
    assert required <= sample["value"].keys()


@pytest.mark.parametrize("event", event_types().values(), ids=lambda event: event.__name__)
def test_unknown_fields_are_ignored(event):
    """A consumer of today can read what a producer of tomorrow adds."""
    sample = json.loads(next(path for path in SAMPLES if path.stem == event.__name__).read_text())
    headers = [(name, value.encode()) for name, value in sample["headers"].items()]
    grown = json.dumps({**sample["value"], "added_later": [1]}).encode()
    assert decode(sample["key"].encode(), grown, headers).type == type_name(event)


def sets_within(kind) -> bool:
    """Return whether a type holds a set of values, at any depth."""
    parts = [*getattr(kind, "types", ()), *getattr(kind, "item_types", ())]
    parts += [getattr(kind, name) for name in ("item_type", "key_type", "value_type") if hasattr(kind, name)]
    parts += [field.type for field in getattr(kind, "fields", ())]
    return isinstance(kind, LiteralType | EnumType) or any(sets_within(part) for part in parts)


SETS = [
    (event, field.name)
    for event in event_types().values()
    for field in msgspec.inspect.type_info(event).fields
    if sets_within(field.type)
]


def test_the_sets_are_found():
    """The sets of values that events are known to hold are among those that are tried below."""
    assert len(SETS) >= 12
    assert {("BatchPlanned", "lane"), ("TicketOpened", "state")} <= {(event.__name__, field) for event, field in SETS}


@pytest.mark.parametrize(("event", "field"), SETS, ids=lambda each: getattr(each, "__name__", each))
def test_later_values_are_unknown(event, field):
    """A value that comes later into any set of any event is unknown to a consumer of today: no fault of the record."""
    sample = json.loads(next(path for path in SAMPLES if path.stem == event.__name__).read_text())
    headers = [(name, value.encode()) for name, value in sample["headers"].items()]
    later = decode(sample["key"].encode(), json.dumps({**sample["value"], field: "later"}).encode(), headers).data
    assert getattr(later, field) == "unknown"
    assert unknown_fields(later) == (field,)
    wrong = json.dumps({**sample["value"], field: 7}).encode()
    with pytest.raises(Rejected, match="invalid-event-data"):
        decode(sample["key"].encode(), wrong, headers)
