"""While a channel is stopped: what raises is parked, and neither other batches nor probes wait for it; nobody asks in vain."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest
from outage_notifier_testing.poison import refuse_change, try_often

from gridcare.postgres.poison.guard import Guard
from outage_notifier.sending.flow.fall_back import fall_back
from outage_notifier.sending.flow.probe_channels import look_for_work, probe_channels
from outage_notifier.sending.flow.stop_channel import stop_channel
from outage_notifier.sending.room import Waiting


@pytest.fixture
async def stopped(world, plan, sending):
    """Stop push, and return the two batches that wait for it."""
    sending.breakers["push"].pause_s = sending.breakers["sms"].pause_s = 0
    for n in (1, 2):
        await world.customer(f"PB1101000000{n}", feeder=f"FD{n}", devices=[f"d{n}"])
        await world.notice(await world.outage(feeders=[f"FD{n}"]))
    await plan()
    await stop_channel("push", "a test", room=sending)
    return await world.batches()


async def test_bad_fall_back_waits_alone(world, stopped, db):
    """A batch that cannot be looked after is parked; the one behind it is looked after."""
    bad, good = stopped
    await refuse_change(world.owner_db, "batch", f"NEW.batch_id = '{bad}'")
    room = Waiting(world.db, world.clock, Guard(db), timedelta(seconds=90))
    assert await try_often(db, partial(fall_back, room=room)) == [("fall-back", str(bad))]
    assert await world.rows("SELECT batch_id FROM batch WHERE attempt > 0") == [(good,)]


async def test_bad_probe_waits_alone(world, stopped, sending, plan, db):
    """A channel whose probe raises is parked after five; the other channel's probe is made, and the sender goes on."""
    await world.customer("PB11010000003", feeder="FD3", phones=["+84901000003"])
    await world.notice(await world.outage(feeders=["FD3"]))
    await plan()
    await stop_channel("sms", "a test", room=sending)
    await refuse_change(world.owner_db, "breaker", "NEW.channel = 'push' AND NEW.probe_at IS NOT NULL")
    probe = partial(probe_channels, asyncio.Event(), room=sending)
    assert await try_often(db, probe) == [("probe", "push")]
    assert await world.rows("SELECT channel FROM breaker WHERE opened_at IS NULL") == [("sms",)]
    assert not (await look_for_work(room=sending)).due & {"probe_channels"}


async def test_parked_batch_is_no_probe(world, stopped, sending, db):
    """The probe takes another batch than the one that is parked, so the channel goes on."""
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO poison (kind, item_id, tries, parked_at) VALUES ('batch', $1, 5, now())", str(stopped[0])
        )
    assert await probe_channels(asyncio.Event(), room=sending) == 1
    assert await world.rows("SELECT channel FROM breaker WHERE opened_at IS NOT NULL") == []


async def test_unknown_channel_is_passed_over(world, stopped, sending):
    """A channel that only a newer release knows ends no sender: those that are known are probed."""
    async with world.owner_db.transaction() as tx:
        await tx.execute("ALTER TABLE breaker DROP CONSTRAINT breaker_channel_check")
        await tx.execute(
            "INSERT INTO breaker (channel, opened_at, reason, probe_at, usual_calls, usual_lost)"
            " VALUES ('carrier-pigeon', now(), 'a test', now(), 1, 0)"
        )
    await look_for_work(room=sending)
    assert await probe_channels(asyncio.Event(), room=sending) == 1


async def test_stopped_channel_is_quiet(world, stopped, sending):
    """Nobody is called to a stopped channel but for a probe, and for that only where a batch waits."""
    async with world.owner_db.transaction() as tx:
        await tx.execute("UPDATE batch SET hinted_at = '-infinity'")
    assert (await look_for_work(room=sending)).due == {"probe_channels"}
    async with world.owner_db.transaction() as tx:
        await tx.execute("UPDATE batch SET lease_until = 'infinity'")
    assert (await look_for_work(room=sending)).due == set()
