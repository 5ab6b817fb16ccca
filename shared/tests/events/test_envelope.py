"""CloudEvents over Kafka: what is written can be read, and what cannot be stored is rejected."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from gridcare.errors import PassedOver, Rejected
from gridcare.events import Envelope, Wire, decode, encode
from gridcare.events.supply_points import SupplyPointChanged
from gridcare.events.topics import SUPPLY_POINTS

NOW = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def _envelope(version: int = 3, ward_code: str = "31117", supply_point_id: str = "SP1") -> Envelope:
    event = SupplyPointChanged(
        version=version,
        supply_point_id=supply_point_id,
        customer_code="PB11010012345",
        transformer_id="TR1",
        feeder_id="FD1",
        substation_id="SS1",
        ward_code=ward_code,
    )
    return Envelope(UUID(int=7), "/tests", "gridcare.SupplyPointChanged", NOW, event.key, version, TRACE, event)


def _decode(wire: Wire) -> Envelope:
    return decode(wire.key, wire.value, wire.headers)


def test_round_trip():
    """An encoded envelope decodes to an equal one."""
    envelope = _envelope()
    assert _decode(encode(envelope, topic=SUPPLY_POINTS)) == envelope


def test_a_tombstone_has_no_data():
    """A tombstone decodes to an envelope without data."""
    gone = Envelope(UUID(int=8), "/tests", "gridcare.Tombstone", NOW, "SP1", 0, None, None)
    assert _decode(encode(gone, topic=SUPPLY_POINTS)) == gone


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (_envelope(version=2**63), "not-cloudevents"),
        (_envelope(version=-1), "not-cloudevents"),
        (_envelope(supply_point_id="SP\x00"), "not-cloudevents"),
        (_envelope(ward_code="3\x00"), "invalid-event-data"),
    ],
)
def test_unstorable_is_rejected(envelope: Envelope, reason: str):
    """A version beyond 64 bits or a string with NUL, which the database cannot store, is rejected."""
    with pytest.raises(Rejected) as rejected:
        _decode(encode(envelope, topic=SUPPLY_POINTS))
    assert rejected.value.reason == reason


@pytest.mark.parametrize("name", ["ce_id", "ce_type", "ce_time", "ce_source", "ce_specversion"])
def test_missing_attribute(name: str):
    """A record that lacks an attribute is not an event."""
    wire = encode(_envelope(), topic=SUPPLY_POINTS)
    with pytest.raises(Rejected) as rejected:
        decode(wire.key, wire.value, [header for header in wire.headers if header[0] != name])
    assert rejected.value.reason == "not-cloudevents"


@pytest.mark.parametrize("kept", [{"ce_aggregateversion"}, {"ce_sequence"}, {"ce_aggregateversion", "ce_sequence"}])
def test_version_has_two_names(kept: set[str]):
    """The version is read by its name and by its former one; a record without either is no event."""
    wire = encode(_envelope(), topic=SUPPLY_POINTS)
    names = {"ce_aggregateversion", "ce_sequence"}
    assert names <= dict(wire.headers).keys()
    some = [header for header in wire.headers if header[0] not in names - kept]
    assert decode(wire.key, wire.value, some).version == 3
    with pytest.raises(Rejected, match="not-cloudevents"):
        decode(wire.key, wire.value, [header for header in wire.headers if header[0] not in names])


def test_new_name_wins():
    """Where both are there, the version is what its new name says."""
    wire = encode(_envelope(), topic=SUPPLY_POINTS)
    headers = [(name, b"9" if name == "ce_sequence" else value) for name, value in wire.headers]
    assert decode(wire.key, wire.value, headers).version == 3


def test_later_types_are_told_apart():
    """A type that this release does not know is no bad record."""
    wire = encode(_envelope(), topic=SUPPLY_POINTS)
    headers = [(name, b"gridcare.Later" if name == "ce_type" else value) for name, value in wire.headers]
    with pytest.raises(PassedOver):
        decode(wire.key, wire.value, headers)
