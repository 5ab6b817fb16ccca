"""Hints start batches: beside each other up to a lane's room, drained at the end, a bug never unseen."""

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import msgspec
import pytest

from gridcare.errors import PassedOver
from gridcare.events import Envelope, type_name
from gridcare.events.envelope import UNKNOWN
from gridcare.events.notices import BatchPlanned
from gridcare.process.lifecycle import Lifecycle
from gridcare.testing.waiting import eventually
from gridcare.values.ids import uuid7
from outage_notifier.planning.flow.plan_notice import plan_due_notice
from outage_notifier.sending.room import SendLimits
from outage_notifier.sending.topic_notice_batches import BatchesUnderWay


def hint(batch_id: UUID, now) -> Envelope:
    event = BatchPlanned(version=1, batch_id=batch_id, channel="sms", lane="bulk")
    return Envelope(uuid7(now), "/gridcare/tests", type_name(BatchPlanned), now, event.key, 1, None, event)


@pytest.fixture
async def under_way(sending) -> BatchesUnderWay:
    """Return the batches of a sender with room for one SMS batch a lane."""
    return BatchesUnderWay(replace(sending, limits=SendLimits(batches_at_once={"push": 1, "sms": 1})), Lifecycle())


@pytest.fixture
async def two_batches(world, planning) -> list[UUID]:
    """Plan two SMS batches of one customer each."""
    for n in (1, 2):
        await world.customer(f"PB1101000000{n}", phones=[f"+8490100000{n}"])
    await world.notice(await world.outage())
    await plan_due_notice(room=replace(planning, batch_size=1))
    return await world.batches()


async def test_hint_waits_for_room_alone(under_way, two_batches, fake_sms, clock):
    """The first is started at once; the second starts when the first has ended."""
    release = asyncio.Event()
    fake_sms.meanwhile = release.wait
    first, second = two_batches
    await asyncio.wait_for(under_way.start([hint(first, clock.now())]), 5)
    waiting = asyncio.create_task(under_way.start([hint(second, clock.now())]))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    release.set()
    await asyncio.wait_for(waiting, 10)
    await under_way.drain()
    assert len(fake_sms.sent) == 2


async def test_unknown_batch_is_forgotten(under_way, clock, fake_sms):
    """A hint is only a hint."""
    await under_way.start([hint(uuid4(), clock.now())])
    await under_way.drain()
    assert fake_sms.sent == []


@pytest.mark.parametrize("later", ["channel", "lane"])
async def test_later_lanes_are_passed_over(under_way, two_batches, clock, fake_sms, *, later):
    """A hint at a channel or a lane that a later release has is left to the senders of that release."""
    known = hint(two_batches[0], clock.now())
    with pytest.raises(PassedOver, match="BatchPlanned"):
        await under_way.start([replace(known, data=msgspec.structs.replace(known.data, **{later: UNKNOWN}))])
    await under_way.drain()
    assert fake_sms.sent == []


async def test_stopping_returns_leases(under_way, two_batches, fake_sms, clock, world):
    """What was not called yet is left ready for another sender, at once."""
    under_way.lifecycle.stop()
    await under_way.start([hint(two_batches[0], clock.now())])
    await under_way.drain()
    await asyncio.wait_for(under_way.watch(), 5)
    assert fake_sms.sent == []
    assert await world.batches("state = 'ready' AND lease_until IS NULL AND hinted_at = '-infinity'") == two_batches[:1]


async def test_silent_kafka_stops_nobody(under_way, two_batches, fake_sms, world):
    """Without any hint, what waits in the ledger is found there and sent to its end, over one slot."""
    await under_way.send_unheard()
    await under_way.drain()
    assert fake_sms.sent == []  # their hints are young: they are under way
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE batch SET hinted_at = now() - interval '1 minute'")
    await under_way.send_unheard()
    await under_way.drain()
    assert len(fake_sms.sent) == 2
    assert await world.batches() == []


async def test_look_leaves_busy_lane(under_way, two_batches, fake_sms, *, world, clock):
    """While a lane has no room, a look begins nothing and does not wait."""
    release = asyncio.Event()
    fake_sms.meanwhile = release.wait
    await under_way.start([hint(two_batches[0], clock.now())])
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE batch SET hinted_at = '-infinity'")
    await asyncio.wait_for(under_way.send_unheard(), 5)
    assert len(under_way._tasks) == 1
    release.set()
    await under_way.drain()


async def test_bug_leaves_the_others(under_way, two_batches, fake_sms, clock, world):
    """A batch that raises is counted and waits; the process lives, and the next batch is sent."""

    async def bug():
        raise LookupError

    fake_sms.meanwhile = bug
    await under_way.start([hint(two_batches[0], clock.now())])
    await under_way.drain()
    fake_sms.meanwhile = None
    await under_way.start([hint(each, clock.now()) for each in two_batches])
    await under_way.drain()
    assert not under_way._died.done()
    assert await world.batches("state = 'ready' AND lease_until IS NULL") == two_batches[:1]


async def test_broken_guard_ends_the_process(under_way, two_batches, clock, owner_db):
    """What the guard itself cannot cope with is raised by the watch."""
    async with owner_db.transaction() as tx:
        await tx.execute("DROP TABLE poison")
    watching = asyncio.create_task(under_way.watch())
    await under_way.start([hint(two_batches[0], clock.now())])
    await eventually(watching.done)
    with pytest.raises(Exception, match="poison"):
        await watching


async def test_absent_database_leaves_batch(under_way, two_batches, clock, db):
    """Retryable is logged and forgotten: the ledger still has the batch."""
    await db._pool.close()
    await under_way.start([hint(two_batches[0], clock.now())])
    await under_way.drain()
    assert not under_way._died.done()
