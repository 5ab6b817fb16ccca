"""Follow-ups over a real database: what was held, is retried or got no answer is sent once more, or ends."""

import asyncio
from datetime import timedelta

import pytest

from gridcare.postgres.poison.guard import Guard
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.ledger.store import notice
from outage_notifier.planning.flow.cut_follow_ups import cut_follow_ups
from outage_notifier.planning.room import Planning
from outage_notifier.sending.flow.send_batch import send_batch

A, B = "PB11010000001", "PB11010000002"
GONE = Outcome(OutcomeKind.REFUSED, "UNREGISTERED", contact_dead=True)
BUSY = Outcome(OutcomeKind.RETRY, "QUOTA_EXCEEDED", retry_after_s=60)


@pytest.fixture
def follow_up(world):
    """Return a function that cuts everything that is due now."""

    async def run() -> None:
        while await cut_follow_ups(room=Planning(world.db, world.clock, Guard(world.db))):
            pass

    return run


async def follow_ups(world):
    async with world.db.read() as c:
        rows = await c.fetch("SELECT channel, lane, size, notice_id FROM batch WHERE NOT home ORDER BY batch_id")
    return [tuple(row) for row in rows]


async def test_unanswered_push_gets_sms(world, plan, send, fake_sms, follow_up):
    """A change waits for the received mark; when its patience is over an SMS goes out, and the books balance."""
    await world.customer(A, phones=["+84901000001"], devices=["d1"])
    notice_id = await world.notice(await world.outage(), kind="change")
    await plan()
    await send()
    assert await world.books(notice_id) == {"awaiting": 1}
    await follow_up()
    assert await follow_ups(world) == []
    world.clock.move(minutes=31)
    await follow_up()
    assert await follow_ups(world) == [("sms", "bulk", 1, notice_id)]
    await send()
    assert await world.books(notice_id) == {"accepted": 1}
    assert [sms.to for sms in fake_sms.sent] == ["+84901000001"]
    await follow_up()
    assert len(await follow_ups(world)) == 1


async def test_failed_push_falls_back(world, plan, send, fake_push, follow_up):
    """The device is gone: the phone is tried without waiting."""
    await world.customer(A, phones=["+84901000001"], devices=["d1"])
    fake_push.outcomes["d1"] = GONE
    notice_id = await world.notice(await world.outage())
    await plan()
    await send()
    assert await world.books(notice_id) == {"retrying": 1}
    await follow_up()
    await send()
    assert await world.books(notice_id) == {"accepted": 1}


async def test_retry_keeps_channel_and_tries(world, plan, send, fake_push, follow_up):
    """The provider asked to wait: the same push again, later, until it is taken."""
    await world.customer(A, devices=["d1"])
    fake_push.outcomes["d1"] = BUSY
    notice_id = await world.notice(await world.outage())
    await plan()
    await send()
    await follow_up()
    assert await follow_ups(world) == []
    world.clock.move(seconds=61)
    await follow_up()
    await send()
    async with world.db.read() as c:
        assert await c.fetchval("SELECT tries FROM delivery") == 2
    fake_push.outcomes.clear()
    world.clock.move(seconds=61)
    await follow_up()
    await send()
    assert await world.books(notice_id) == {"accepted": 1}
    assert [channel for channel, *_ in await follow_ups(world)] == ["push", "push"]


async def test_busy_device_gets_it_later(world, plan, send, fake_push, follow_up):
    """Every live device of a recipient gets one: the one that took it is left out when the other is tried again."""
    await world.customer(A, devices=["d1", "d2"])
    fake_push.outcomes["d2"] = BUSY
    notice_id = await world.notice(await world.outage())
    await plan()
    await send()
    assert await world.books(notice_id) == {"awaiting": 1}
    world.clock.move(seconds=61)
    await follow_up()
    await send()
    assert await world.books(notice_id) == {"awaiting": 1}
    fake_push.outcomes.clear()
    world.clock.move(seconds=61)
    await follow_up()
    await send()
    assert await world.books(notice_id) == {"accepted": 1}
    assert fake_push.registrations == ["d1", "d2"]


async def test_stopped_between_two_devices(world, plan, *, send, sending, fake_push, follow_up):
    """What the first device got is recorded, and is not sent to it again."""
    await world.customer(A, devices=["d1", "d2"])
    notice_id = await world.notice(await world.outage())
    await plan()
    stop = asyncio.Event()

    async def stop_now():
        stop.set()

    fake_push.meanwhile = stop_now
    [batch_id] = await world.batches()
    await send_batch(batch_id, stop, room=sending)
    fake_push.meanwhile = None
    assert len(fake_push.accepted) == 1
    assert await world.books(notice_id) == {"awaiting": 1}
    await send()
    world.clock.move(seconds=11)
    await follow_up()
    await send()
    assert sorted(fake_push.registrations) == ["d1", "d2"]
    assert await world.books(notice_id) == {"accepted": 1}


async def test_busy_device_goes_away(world, plan, send, *, fake_push, fake_sms, follow_up):
    """Nobody is left to be called: who was told on another device stays told, and gets no SMS."""
    await world.customer(A, devices=["d1", "d2"], phones=["+84901000001"])
    fake_push.outcomes["d2"] = BUSY
    notice_id = await world.notice(await world.outage())
    await plan()
    await send()
    async with world.db.transaction() as tx:
        await tx.execute("DELETE FROM device")
    world.clock.move(seconds=61)
    await follow_up()
    await send()
    assert await world.books(notice_id) == {"accepted": 1}
    assert fake_sms.sent == []


async def test_held_until_the_morning(world, plan, send, follow_up):
    """Quiet hours hold: at seven a follow-up batch is cut and sent."""
    await world.customer(A, phones=["+84901000001"])
    world.clock.move(hours=12)
    notice_id = await world.notice(await world.outage())
    await plan()
    await send()
    assert await world.books(notice_id) == {"held": 1}
    await follow_up()
    assert await follow_ups(world) == []
    world.clock.move(hours=9)
    await follow_up()
    await send()
    assert await world.books(notice_id) == {"accepted": 1}


async def test_superseded_meanwhile(world, plan, send, fake_push, follow_up):
    """A retry ends as superseded; a push that was accepted keeps that."""
    await world.customer(A, phones=["+84901000001"], devices=["d1"])
    await world.customer(B, phones=["+84901000002"], devices=["d2"])
    fake_push.outcomes["d1"] = GONE
    outage_id = await world.outage()
    notice_id = await world.notice(outage_id, kind="change")
    await plan()
    await send()
    assert await world.books(notice_id) == {"awaiting": 1, "retrying": 1}
    async with world.db.transaction() as tx:
        await notice.supersede(tx, outage_id, before_revision=2, now=world.clock.now())
    world.clock.move(minutes=31)
    await follow_up()
    assert await world.books(notice_id) == {"accepted": 1, "superseded": 1}
    assert await follow_ups(world) == []


async def test_too_late_expires(world, plan, send, fake_push, follow_up):
    """Nothing is sent after the notice's use has ended."""
    await world.customer(A, devices=["d1"])
    fake_push.outcomes["d1"] = BUSY
    notice_id = await world.notice(await world.outage(), useful_until=world.clock.now() + timedelta(minutes=5))
    await plan()
    await send()
    world.clock.move(minutes=6)
    await follow_up()
    assert await world.books(notice_id) == {"expired": 1}


async def test_shared_phone_one_fallback(world, plan, send, fake_sms, follow_up):
    """Both had a push; the phone that they share gets one SMS, and the other keeps its accepted push."""
    for code, device in ((A, "d1"), (B, "d2")):
        await world.customer(code, phones=["+84901000001"], devices=[device])
    notice_id = await world.notice(await world.outage(), kind="change")
    await plan()
    await send()
    world.clock.move(minutes=31)
    await follow_up()
    await send()
    assert len(fake_sms.sent) == 1
    assert await world.books(notice_id) == {"accepted": 2}


async def test_single_notices_packed_again(world, plan, send, fake_push, follow_up):
    """Follow-ups of receipts share a batch of no notice."""
    for code, device in ((A, "d1"), (B, "d2")):
        await world.customer(code, devices=[device])
        fake_push.outcomes[device] = BUSY
        await world.notice(None, revision=None, kind="payment-received", audience_rule="one", recipient_id=code)
    await plan()
    await send()
    fake_push.outcomes.clear()
    world.clock.move(seconds=61)
    await follow_up()
    assert await follow_ups(world) == [("push", "transactional", 2, None)]
    await send()
    async with world.db.read() as c:
        assert [r[0] for r in await c.fetch("SELECT DISTINCT state FROM delivery")] == ["accepted"]


async def test_workers_cut_each_once(world, plan, send, fake_push):
    """Four workers: every due delivery stands in exactly one follow-up batch."""
    for n in range(40):
        await world.customer(f"PB1101000{n:04}", devices=[f"d{n}"], phones=[f"+8490100{n:04}"])
        fake_push.outcomes[f"d{n}"] = BUSY
    notice_id = await world.notice(await world.outage())
    await plan()
    await send()
    fake_push.outcomes.clear()
    world.clock.move(seconds=61)
    await asyncio.gather(*(cut_follow_ups(room=Planning(world.db, world.clock, Guard(world.db))) for _ in range(4)))
    async with world.db.read() as c:
        members = await c.fetch("SELECT jsonb_array_elements(members)->>1 FROM batch WHERE NOT home")
    assert sorted(m[0] for m in members) == [f"PB1101000{n:04}" for n in range(40)]
    await send()
    assert await world.books(notice_id) == {"accepted": 40}
