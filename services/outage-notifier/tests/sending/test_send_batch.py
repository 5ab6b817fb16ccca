"""Sending: each message once, everything recorded, nothing written without the lease."""

import asyncio
from dataclasses import replace
from datetime import timedelta

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


async def test_everybody_gets_one_message_and_the_books_balance(world, planned, send, providers):
    """Pushes and texts are accepted, each delivery once, and both batches settle."""
    notice_id = await planned(20, each=lambda n: a_device(n) if n % 2 else a_phone(n))
    await send()
    assert await world.books(notice_id) == {"accepted": 20}
    assert len({p["id"] for p in providers.pushes}) == 10
    assert len({t["to"] for t in providers.texts}) == 10
    assert await world.batches() == []


async def test_sending_a_settled_batch_again_sends_nothing(world, planned, send, sending, providers):
    """A hint that comes twice is forgotten."""
    await planned(3, each=a_phone)
    await send()
    for batch_id in await world.batches("state = 'settled'"):
        await send_batch(batch_id, asyncio.Event(), room=sending)
    assert len(providers.texts) == 3


async def test_a_batch_that_is_leased_elsewhere_is_left_alone(world, planned, sending, providers):
    """The second sender of a batch does nothing while the first one holds it."""
    await planned(1, each=a_phone)
    [batch_id] = await world.batches()

    async def second():
        providers.before = None
        await send_batch(batch_id, asyncio.Event(), room=sending)

    providers.before = second
    await send_batch(batch_id, asyncio.Event(), room=sending)
    assert len(providers.texts) == 1


async def test_a_sender_that_lost_its_lease_writes_nothing(world, planned, sending, providers):
    """Another attempt took the batch in mid-call: the late outcome is not recorded."""
    notice_id = await planned(2, each=a_device)
    [batch_id] = await world.batches()

    async def taken_over():
        async with world.db.transaction() as tx:
            await tx.execute("UPDATE batch SET attempt = attempt + 1")

    providers.before = taken_over
    await send_batch(batch_id, asyncio.Event(), room=sending)
    assert await world.books(notice_id) == {"planned": 2}
    async with world.db.read() as c:
        assert await c.fetchval("SELECT count(*) FROM attempt") == 0


async def test_no_call_starts_that_could_end_after_the_lease(world, planned, sending, providers):
    """With a lease no longer than a call may take, nothing is called and the batch stays."""
    notice_id = await planned(3, each=a_phone)
    [batch_id] = await world.batches()
    await send_batch(batch_id, asyncio.Event(), room=replace(sending, limits=SendLimits(lease_s=1, call_timeout_s=2)))
    assert providers.texts == []
    assert await world.books(notice_id) == {"planned": 3}
    assert await world.batches() == [batch_id]


async def test_a_text_whose_sender_died_is_unknown_and_not_sent_again(world, planned, send, providers):
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
    assert "+84901000000" not in {t["to"] for t in providers.texts}


async def test_pushes_that_were_recorded_are_not_sent_again_after_a_crash(world, planned, send, sending, providers):
    """A batch seen before sends only what was not recorded."""
    notice_id = await planned(6, each=a_device)
    providers.answers = {"d5": Outcome(OutcomeKind.ACCEPTED)}
    stop = asyncio.Event()

    async def stop_soon():
        if len(providers.pushes) >= 3:
            stop.set()

    providers.before = stop_soon
    [batch_id] = await world.batches()
    one_by_one = replace(sending, limits=replace(sending.limits, push_concurrency=1))
    await send_batch(batch_id, stop, room=one_by_one)
    first = {p["id"] for p in providers.pushes}
    assert 3 <= len(first) < 6
    providers.before = None
    await send()
    assert await world.books(notice_id) == {"accepted": 6}
    assert len(providers.pushes) == 6


async def test_a_call_that_ends_while_others_are_recorded_is_recorded_too(world, planned, sending, providers):
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
            await eventually(lambda: len(providers.pushes) == 4)
            await asyncio.sleep(0.1)

    async def first_call():
        await all_but_the_first_wait()
        if calls == 1:
            holding.append(asyncio.create_task(hold_up_records()))
            await asyncio.sleep(0.05)

    holding: list[asyncio.Task[None]] = []
    providers.before = first_call
    quick = replace(sending, limits=replace(sending.limits, record_interval_s=0.1))
    await send_batch(batch_id, asyncio.Event(), room=quick)
    await asyncio.gather(*holding)
    assert await world.books(notice_id) == {"accepted": 4}


async def test_a_batch_with_a_member_that_was_not_recorded_does_not_settle(world, planned):
    """The ledger itself refuses: the counts of a home batch must sum to its size."""
    await planned(2, each=a_device)
    [batch_id] = await world.batches()
    async with world.db.transaction() as tx:
        assert not await batch.settle(tx, batch_id)
    assert await world.batches() == [batch_id]


async def test_an_unknown_text_waits_to_be_looked_up(world, planned, send, providers, clock):
    """A time-out is neither sent nor failed."""
    providers.answers = {"+84901000000": Outcome(OutcomeKind.UNKNOWN, "timeout")}
    notice_id = await planned(1, each=a_phone)
    await send()
    assert await world.books(notice_id) == {"unknown": 1}
    async with world.db.read() as c:
        assert await c.fetchval("SELECT next_attempt_at FROM delivery") == clock.now() + timedelta(seconds=90)


async def test_a_device_that_is_gone_is_pruned_and_the_customer_falls_back_to_sms(world, planned, send, providers):
    """UNREGISTERED deletes the device; a phone takes over at once."""
    providers.answers = {"d0": GONE, "d1": GONE}
    notice_id = await planned(2, each=lambda n: a_device(n) | (a_phone(n) if n else {}))
    await send()
    assert await world.books(notice_id) == {"unreachable": 1, "retrying": 1}
    async with world.db.read() as c:
        assert await c.fetchval("SELECT count(*) FROM device") == 0
        assert await c.fetchval("SELECT next_channel FROM delivery WHERE state = 'retrying'") == "sms"


async def test_texts_carry_what_their_callback_needs_and_how_long_they_are_useful(world, planned, send, providers):
    """The attempt's name rides along; validity is the lesser of usefulness and the provider's ten hours."""
    await planned(1, each=a_phone)
    [batch_id] = await world.batches()
    await send()
    assert providers.texts[0]["ref"] == f"{batch_id}.0.1"
    assert providers.texts[0]["validity_s"] == 36_000


async def test_a_late_change_without_a_received_mark_waits_for_its_sms(world, planned, send, providers, clock):
    """A template with patience leaves the push awaiting, and says when the SMS is due."""
    notice_id = await planned(2, each=lambda n: a_device(n) | (a_phone(n) if n else {}), kind="change")
    await send()
    assert await world.books(notice_id) == {"accepted": 1, "awaiting": 1}
    async with world.db.read() as c:
        row = await c.fetchrow("SELECT next_attempt_at, next_channel FROM delivery WHERE state = 'awaiting'")
    assert tuple(row) == (clock.now() + timedelta(minutes=30), "sms")
