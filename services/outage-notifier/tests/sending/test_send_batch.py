"""Sending: each message once, everything recorded, nothing written without the lease."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from outage_notifier_testing.fake_sms import LOST

from gridcare.testing.waiting import eventually
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.ledger.store import batch
from outage_notifier.sending.flow.send_batch import send_batch
from outage_notifier.sending.room import SendLimits

GONE = Outcome(OutcomeKind.REFUSED, "UNREGISTERED", contact_dead=True)


def a_phone(n):
    return {"phones": [f"+8490100{n:04}"]}


def a_device(n):
    return {"devices": [f"d{n}"]}


async def test_everybody_once(world, planned, send, fake_push, fake_sms):
    """Pushes and texts are accepted, each delivery once, and both batches settle."""
    notice_id = await planned(20, each=lambda n: a_device(n) if n % 2 else a_phone(n))
    await send()
    assert await world.books(notice_id) == {"accepted": 20}
    assert len(fake_push.accepted) == len(set(fake_push.delivery_ids)) == 10
    assert len(fake_sms.sent) == len({sms.to for sms in fake_sms.sent}) == 10
    assert await world.batches() == []


async def test_an_unknown_language_stops_nobody(world, planned, send, fake_sms):
    """A member whose language another release planned is told in Vietnamese, and its neighbours are told too."""
    notice_id = await planned(2, each=a_phone)
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE batch SET members = jsonb_set(members, '{0,2}', '\"ko\"')")
    await send()
    assert await world.books(notice_id) == {"accepted": 2}
    assert len({sms.body for sms in fake_sms.sent}) == 1


async def test_settled_batch_is_left(world, planned, send, sending, fake_sms):
    """A hint that comes twice is forgotten."""
    await planned(3, each=a_phone)
    await send()
    for batch_id in await world.batches("state = 'settled'"):
        await send_batch(batch_id, asyncio.Event(), room=sending)
    assert len(fake_sms.sent) == 3


async def test_leased_batch_is_left(world, planned, sending, fake_sms):
    """The second sender of a batch does nothing while the first one holds it."""
    await planned(1, each=a_phone)
    [batch_id] = await world.batches()

    async def second():
        fake_sms.meanwhile = None
        await send_batch(batch_id, asyncio.Event(), room=sending)

    fake_sms.meanwhile = second
    await send_batch(batch_id, asyncio.Event(), room=sending)
    assert len(fake_sms.sent) == 1


async def test_lost_lease_writes_nothing(world, planned, sending, fake_push):
    """Another sender claimed the batch in mid-call: the late outcome is not recorded."""
    notice_id = await planned(2, each=a_device)
    [batch_id] = await world.batches()

    async def taken_over():
        async with world.db.transaction() as tx:
            await tx.execute("UPDATE batch SET attempt = attempt + 1")

    fake_push.meanwhile = taken_over
    await send_batch(batch_id, asyncio.Event(), room=sending)
    assert await world.books(notice_id) == {"planned": 2}
    async with world.db.read() as c:
        assert await c.fetchval("SELECT count(*) FROM attempt") == 0


async def test_lost_lease_writes_no_text(world, planned, sending, fake_sms):
    """Another sender claimed the batch in mid-call: the text's end is not recorded, and the attempt stays open for a look-up."""
    notice_id = await planned(2, each=a_phone)
    [batch_id] = await world.batches()

    async def taken_over():
        async with world.db.transaction() as tx:
            await tx.execute("UPDATE batch SET attempt = attempt + 1")

    fake_sms.meanwhile = taken_over
    one_by_one = replace(sending, limits=replace(sending.limits, sms_chunk_size=1))
    await send_batch(batch_id, asyncio.Event(), room=one_by_one)
    assert await world.books(notice_id) == {"planned": 2}
    async with world.db.read() as c:
        assert await c.fetchval("SELECT count(*) FROM attempt") == 1
        assert await c.fetchval("SELECT count(*) FROM attempt WHERE outcome IS NOT NULL") == 0
    assert len(fake_sms.sent) == 1


async def test_no_call_outlasts_its_lease(world, planned, sending, fake_sms):
    """With a lease no longer than a call may take, nothing is called and the batch stays."""
    notice_id = await planned(3, each=a_phone)
    [batch_id] = await world.batches()
    await send_batch(batch_id, asyncio.Event(), room=replace(sending, limits=SendLimits(lease_s=1, call_timeout_s=2)))
    assert fake_sms.sent == []
    assert await world.books(notice_id) == {"planned": 3}
    assert await world.batches() == [batch_id]


async def test_text_in_doubt_is_unknown(world, planned, send, fake_sms):
    """Attempts that were committed without an end are handed over to be looked up; the rest is sent."""
    notice_id = await planned(4, each=a_phone)
    [batch_id] = await world.batches()
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE batch SET attempt = 1, lease_until = now() - interval '1 s'")
        await tx.execute(
            "INSERT INTO attempt (batch_id, place, try, notice_id, recipient_id, channel, contact_id, started_at)"
            " VALUES ($1, 0, 1, $2, 'PB11010000000', 'sms', '1', now())",
            *(batch_id, notice_id),
        )
    await send()
    assert await world.books(notice_id) == {"unknown": 1, "accepted": 3}
    assert "+84901000000" not in {sms.to for sms in fake_sms.sent}


async def test_recorded_pushes_stay_single(world, planned, send, sending, fake_push):
    """A batch seen before sends only what was not recorded."""
    notice_id = await planned(6, each=a_device)
    fake_push.outcomes = {"d5": Outcome(OutcomeKind.ACCEPTED)}
    stop = asyncio.Event()

    async def stop_soon():
        if len(fake_push.accepted) >= 3:
            stop.set()

    fake_push.meanwhile = stop_soon
    [batch_id] = await world.batches()
    one_by_one = replace(sending, limits=replace(sending.limits, push_concurrency=1))
    await send_batch(batch_id, stop, room=one_by_one)
    assert 3 <= len(set(fake_push.delivery_ids)) < 6
    fake_push.meanwhile = None
    await send()
    assert await world.books(notice_id) == {"accepted": 6}
    assert len(fake_push.accepted) == 6


async def test_calls_ending_during_records(world, planned, sending, fake_push):
    """The record of the first outcome is held up until all calls ended: none of them is forgotten."""
    notice_id = await planned(4, each=a_device)
    [batch_id] = await world.batches()
    calls = 0

    async def all_but_the_first_wait():
        nonlocal calls
        calls += 1
        if calls > 1:
            await asyncio.sleep(0.3)

    async def hold_up_records():
        async with world.db.transaction() as tx:
            await tx.execute("SELECT FROM batch WHERE batch_id = $1 FOR UPDATE", batch_id)
            await eventually(lambda: len(fake_push.accepted) == 4)
            await asyncio.sleep(0.1)

    async def first_call():
        await all_but_the_first_wait()
        if calls == 1:
            holding.append(asyncio.create_task(hold_up_records()))
            await asyncio.sleep(0.05)

    holding: list[asyncio.Task[None]] = []
    fake_push.meanwhile = first_call
    quick = replace(sending, limits=replace(sending.limits, record_interval_s=0.1))
    await send_batch(batch_id, asyncio.Event(), room=quick)
    await asyncio.gather(*holding)
    assert await world.books(notice_id) == {"accepted": 4}


async def test_unrecorded_member_forbids_settling(world, planned):
    """The ledger itself refuses: the counts of a home batch must sum to its size."""
    await planned(2, each=a_device)
    [batch_id] = await world.batches()
    async with world.db.transaction() as tx:
        assert not await batch.settle(tx, batch_id)
    assert await world.batches() == [batch_id]


async def test_unknown_text_waits_for_look(world, planned, send, fake_sms, clock):
    """A time-out is neither sent nor failed."""
    fake_sms.outcomes = {"+84901000000": LOST}
    notice_id = await planned(1, each=a_phone)
    await send()
    assert await world.books(notice_id) == {"unknown": 1}
    async with world.db.read() as c:
        assert await c.fetchval("SELECT next_attempt_at FROM delivery") == clock.now() + timedelta(seconds=90)


async def test_gone_device_falls_back(world, planned, send, fake_push):
    """UNREGISTERED deletes the device; a phone takes over at once, or the device that is there by then."""
    fake_push.outcomes = {"d0": GONE, "d1": GONE}
    notice_id = await planned(2, each=lambda n: a_device(n) | (a_phone(n) if n else {}))
    await send()
    assert await world.books(notice_id) == {"retrying": 2}
    async with world.db.read() as c:
        assert await c.fetchval("SELECT count(*) FROM device") == 0
        rows = await c.fetch("SELECT next_channel, next_attempt_at FROM delivery ORDER BY number")
        assert [tuple(row) for row in rows] == [("push", world.clock.now()), ("sms", world.clock.now())]


async def test_text_carries_name_and_validity(world, planned, send, fake_sms):
    """The attempt's name goes with it; validity is the lesser of usefulness and the provider's ten hours."""
    await planned(1, each=a_phone)
    [batch_id] = await world.batches()
    await send()
    assert fake_sms.sent[0].callback_ref == f"{batch_id}.0.1"
    assert fake_sms.sent[0].validity_s == 36_000


async def test_push_is_the_notice(world, planned, send, fake_push):
    """FCM's own JSON: the device, the delivery id, the outage's tag, and a text in the customer's language."""
    notice_id = await planned(1, each=lambda n: a_device(n) | {"language": "en"})
    await send()
    [message] = fake_push.accepted
    assert message["token"] == "d0"
    assert message["data"]["delivery_id"] == f"{notice_id}-1"
    assert message["android"]["notification"]["tag"].startswith("outage-")
    assert "An Khánh" in message["notification"]["body"]


async def test_change_waits_for_its_sms(world, planned, send, clock):
    """A template with patience leaves the push awaiting, and says when the SMS is due."""
    notice_id = await planned(2, each=lambda n: a_device(n) | (a_phone(n) if n else {}), kind="change")
    await send()
    assert await world.books(notice_id) == {"accepted": 1, "awaiting": 1}
    async with world.db.read() as c:
        row = await c.fetchrow("SELECT next_attempt_at, next_channel FROM delivery WHERE state = 'awaiting'")
    assert tuple(row) == (clock.now() + timedelta(minutes=30), "sms")
