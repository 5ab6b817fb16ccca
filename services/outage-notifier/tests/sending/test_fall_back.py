"""Batches that wait for a stopped channel: SMS after the kind's patience, and an end for what is useless."""

from datetime import timedelta

import pytest

from gridcare.postgres.poison.guard import Guard
from outage_notifier.ledger.core.attempt import Attempt
from outage_notifier.ledger.store import attempt, batch, notice
from outage_notifier.planning.flow.cut_follow_ups import cut_follow_ups
from outage_notifier.sending.flow.fall_back import fall_back
from outage_notifier.sending.flow.stop_channel import stop_channel
from outage_notifier.sending.room import Waiting


def both(n):
    return {"devices": [f"d{n}"], "phones": [f"+8490100{n:04}"]}


@pytest.fixture
async def looked_after(world, sending):
    """Stop push, and return a function that looks after all that waits."""
    await stop_channel("push", "a test", room=sending)

    async def run():
        while await fall_back(room=Waiting(world.db, world.clock, Guard(world.db), timedelta(seconds=90))):
            pass

    return run


@pytest.mark.parametrize(("kind", "minutes"), [("announcement", 240), ("change", 30), ("emergency", 2)])
async def test_sms_after_the_patience(world, planned, planning, send, clock, *, looked_after, fake_sms, kind, minutes):
    """Not before the patience of its kind, and then at once; no push was tried, and no try counted."""
    notice_id = await planned(3, each=both, kind=kind)
    await looked_after()
    clock.move(minutes=minutes - 1)
    await looked_after()
    assert await world.books(notice_id) == {"planned": 3}
    clock.move(minutes=1)
    await looked_after()
    assert await world.books(notice_id) == {"retrying": 3}
    await cut_follow_ups(room=planning)
    await send()
    assert await world.books(notice_id) == {"accepted": 3}
    assert len(fake_sms.sent) == 3
    async with world.db.read() as c:
        assert await c.fetchval("SELECT count(*) FROM attempt WHERE channel = 'push'") == 0


async def test_half_of_what_is_left(world, planned, clock, looked_after):
    """A notice that is useful for twenty minutes does not wait for hours."""
    notice_id = await planned(1, each=both, useful_until=clock.now() + timedelta(minutes=20))
    clock.move(minutes=10)
    await looked_after()
    assert await world.books(notice_id) == {"retrying": 1}


async def test_without_a_phone_it_waits(world, planned, send, clock, looked_after):
    """Who has a device alone waits for the channel, until the notice is useless."""
    notice_id = await planned(1, each=lambda n: {"devices": [f"d{n}"]})
    clock.move(hours=5)
    await looked_after()
    assert await world.books(notice_id) == {"planned": 1}
    clock.move(days=2)
    await looked_after()
    assert await world.books(notice_id) == {"expired": 1}
    assert await world.batches() == []


async def test_doubtful_sms_is_unknown(world, planned, plan, sending, *, clock, fake_sms):
    """A sender died in its call, then SMS stopped: the call is looked up, and a cancellation is planned for its number."""
    notice_id = await planned(2, each=lambda n: {"phones": [f"+8490100{n:04}"]})
    [batch_id] = await world.batches()
    async with world.db.transaction() as tx:
        claimed = await batch.claim(tx, batch_id, lease_s=0)
        member = claimed.members[0]
        begun = Attempt(batch_id, 0, 1, notice_id, member.recipient_id, "sms", member.contacts[0], clock.now())
        await attempt.insert(tx, [begun])
        outage_id = await tx.fetchval("SELECT outage_id FROM notice")
    await stop_channel("sms", "a test", room=sending)
    waiting = Waiting(world.db, world.clock, Guard(world.db), timedelta(seconds=90))
    assert await fall_back(room=waiting) == 1
    assert await world.books(notice_id) == {"planned": 1, "unknown": 1}
    [row] = await world.rows("SELECT reason, contact, next_attempt_at FROM delivery")
    assert row == ("sender-died", "*00", clock.now() + timedelta(seconds=90))
    await world.outage(revision=2, outage_id=outage_id)
    async with world.db.transaction() as tx:
        await notice.supersede(tx, outage_id, before_revision=2, now=clock.now())
    cancelled = await world.notice(outage_id, revision=2, kind="cancellation", audience_rule="told")
    clock.move(minutes=6)
    while await fall_back(room=waiting):
        pass
    assert await world.books(notice_id) == {"superseded": 1, "unknown": 1}
    await plan()
    assert await world.books(cancelled) == {"planned": 1}
    assert fake_sms.sent == []


async def test_open_channel_is_left_alone(world, planned, sending, clock):
    """Nothing falls back while the channel works, however long a batch waits."""
    notice_id = await planned(1, each=both)
    clock.move(hours=5)
    assert await fall_back(room=Waiting(world.db, world.clock, Guard(world.db), timedelta(seconds=90))) == 0
    assert await world.books(notice_id) == {"planned": 1}
