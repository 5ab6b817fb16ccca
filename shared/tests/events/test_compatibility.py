"""Whatever was once published stays readable: a sample of each event, as it went out, against today's classes.

A sample is never changed. An event that gains a field (with a default) keeps its sample and may get another beside it,
`<Event>.<what>.json`.
"""

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

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
def test_a_sample_is_read_and_nothing_of_it_is_lost(path):
    """Every field of the record is in what is written back: none was removed, renamed or given another form."""
    sample, envelope = read(path)
    wire = encode(envelope, topic=TOPICS[sample["topic"]])
    written = json.loads(wire.value)
    assert {name: written.get(name) for name in sample["value"]} == sample["value"]
    assert {name: value.decode() for name, value in wire.headers} == sample["headers"]
    assert (wire.topic, wire.key.decode()) == (sample["topic"], sample["key"])


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_fits_its_schema(path):
    """The JSON Schema that is published of an event describes its record."""
    sample, envelope = read(path)
    jsonschema.validate(sample["value"], msgspec.json.schema(type(envelope.data)))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_fields_that_came_later_have_defaults(path):
    """What a class asks for was in the sample already."""
    sample, envelope = read(path)
    required = {field.encode_name for field in msgspec.structs.fields(envelope.data) if field.required}
    assert required <= sample["value"].keys()


@pytest.mark.parametrize("event", event_types().values(), ids=lambda event: event.__name__)
def test_an_event_ignores_fields_that_it_does_not_know(event):
    """A consumer of today reads what a producer of tomorrow adds."""
    sample = json.loads(next(path for path in SAMPLES if path.stem == event.__name__).read_text())
    headers = [(name, value.encode()) for name, value in sample["headers"].items()]
    grown = json.dumps({**sample["value"], "added_later": [1]}).encode()
    assert decode(sample["key"].encode(), grown, headers).type == type_name(event)
