"""The topics that the consumer follows, over a real broker; and records that do not belong there."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from gridcare.errors import PassedOver, Rejected
from gridcare.events import Envelope, encode, type_name
from gridcare.events.envelope import UNKNOWN
from gridcare.events.outages import OutageCancelled, OutageEvent
from gridcare.kafka.produce import Producer
from gridcare.known_supply_points import topic_supply_points
from gridcare.testing.kafka import consuming
from gridcare.testing.waiting import eventually
from gridcare.values.ids import uuid7
from repair_intake.tickets import topic_outages


def _envelope(event) -> Envelope:
    now = datetime.now(UTC)
    if isinstance(event, str):
        return Envelope(uuid7(now), "/gridcare/tests", "gridcare.Tombstone", now, event, 0, None, None)
    return Envelope(uuid7(now), "/gridcare/tests", type_name(type(event)), now, event.key, event.version, None, event)


async def test_records_are_projected(rooms, db, brokers, new_topic, *, supply_point, cut):
    """Many supply points, one of them deleted again, and an outage that was cancelled, are known as published."""
    points, outages = await new_topic(partitions=3), await new_topic()
    events = [
        *((points, supply_point(f"SP{number}")) for number in range(300)),
        (points, "SP7"),
        (outages, cut()),
        (outages, cut(OutageCancelled, version=2)),
    ]
    async with Producer(brokers, client_id="tests") as producer:
        await producer.send_batch([encode(_envelope(event), topic=topic) for topic, event in events])
    subscriptions = [
        replace(topic_supply_points.subscription(db), topics=(points,)),
        replace(topic_outages.subscription(rooms.tickets), topics=(outages,)),
    ]

    async def done() -> bool:
        async with db.read() as connection:
            known = await connection.fetchval("SELECT count(*) FROM supply_point WHERE NOT removed")
            removed = await connection.fetchval("SELECT removed FROM supply_point WHERE supply_point_id = 'SP7'")
            ended = await connection.fetchval("SELECT count(*) FROM outage WHERE ended AND version = 2")
        return (known, removed, ended) == (299, True, 1)

    async with consuming(brokers, db, *subscriptions, group=f"test-{uuid4()}"):
        await eventually(done)


async def test_strangers_are_passed_over(rooms, db, supply_point, cut):
    """An event that a later release may put on the topic is passed over; a tombstone of an outage is rejected."""
    of_points, of_outages = topic_supply_points.subscription(db), topic_outages.subscription(rooms.tickets)
    for door, stranger in ((of_points, cut()), (of_outages, supply_point())):
        with pytest.raises(PassedOver, match=type(stranger).__name__):
            await door.handle([_envelope(stranger)])
    with pytest.raises(Rejected, match="no-event-data"):
        await of_outages.handle([_envelope("7")])


@pytest.mark.parametrize("event", OutageEvent.__subclasses__())
async def test_later_kinds_are_known(rooms, db, cut, event):
    """An outage of a kind that a later release has explains tickets as any other."""
    await topic_outages.subscription(rooms.tickets).handle([_envelope(cut(event, kind=UNKNOWN))])
    async with db.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM outage") == 1
