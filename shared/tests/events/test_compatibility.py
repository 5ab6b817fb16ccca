"""Whatever was once published stays readable: a sample of each event, as it went out, against today's classes.

A sample is never changed. An event that gains a field (with a default) keeps its sample and may get another beside it,
`<Event>.<what>.json`.
"""

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from gridcare.errors import Rejected
from gridcare.events import ALL_TOPICS, decode, encode, event_types, type_name

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


OPEN = [("TicketOpened", "kind"), ("TicketOpened", "state"), ("OutagePlanned", "kind"), ("PaymentRecorded", "provider")]


@pytest.mark.parametrize(("event", "field"), OPEN)
def test_later_values_are_unknown(event, field):
    """A value that comes later into an open set is unknown to a consumer of today, which is no fault of the record."""
    sample = json.loads(next(path for path in SAMPLES if path.stem == event).read_text())
    headers = [(name, value.encode()) for name, value in sample["headers"].items()]
    later = json.dumps({**sample["value"], field: "later"}).encode()
    assert getattr(decode(sample["key"].encode(), later, headers).data, field) == "unknown"
    wrong = json.dumps({**sample["value"], field: 7}).encode()
    with pytest.raises(Rejected, match="invalid-event-data"):
        decode(sample["key"].encode(), wrong, headers)
