"""A batch settles only when each member has an outcome or a due time, whatever fails meanwhile."""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from gridcare.errors import Retryable
from gridcare.testing.waiting import eventually
from outage_notifier.contacts.vault import PHONE
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.ledger.store import batch
from outage_notifier.planning.flow.cut_follow_ups import cut_follow_ups
from outage_notifier.sending.flow.send_batch import send_batch

BUSY = Outcome(OutcomeKind.RETRY, "QUOTA_EXCEEDED", retry_after_s=60)
SIZE = 6


def a_device(n):
    return {"devices": [f"d{n}"]}


def a_phone(n):
    return {"phones": [f"+8490100{n:04}"]}


@pytest.fixture
async def follow_up(world, planned, planning, *, send, fake_push):
    """Return the notice and the id of a follow-up batch of SIZE pushes that the provider had put off."""
    fake_push.outcomes = {f"d{n}": BUSY for n in range(SIZE)}
    notice_id = await planned(SIZE, each=a_device)
    await send()
    fake_push.outcomes = {}
    world.clock.move(seconds=61)
    assert await cut_follow_ups(room=planning) == SIZE
    [batch_id] = await world.batches()
    return notice_id, batch_id


async def free(world):
    """Let every lease be over."""
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE batch SET lease_until = NULL WHERE state = 'ready'")
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE poison SET retry_at = NULL")


async def failures(world):
    """Return the class of each error that was counted."""
    return [name for (name,) in await world.rows("SELECT error_class FROM poison WHERE tries > 0")]


class FailsOnce:
    """In the midst of calls: the first one raises, the others end only after it did."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.calls = 0
        self.raised = asyncio.Event()

    async def __call__(self) -> None:
        self.calls += 1
        if self.calls == 1:
            self.raised.set()
            raise self.error
        await self.raised.wait()
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("error", [Retryable("the database is away"), LookupError("a bug")])
async def test_failing_push_settles_nothing(world, follow_up, sending, *, send, fake_push, error):
    """One call raises while the others run: theirs are recorded, the batch stays, and a later claim sends the rest."""
    notice_id, batch_id = follow_up
    fake_push.meanwhile = FailsOnce(error)
    with suppress(Retryable):
        await send_batch(batch_id, asyncio.Event(), room=sending)
    assert await failures(world) == ([] if isinstance(error, Retryable) else ["LookupError"])
    assert await world.batches() == [batch_id]
    assert await world.books(notice_id) == {"accepted": SIZE - 1, "retrying": 1}
    fake_push.meanwhile = None
    await free(world)
    await send()
    assert await world.books(notice_id) == {"accepted": SIZE}
    assert await world.batches() == []
    assert len(fake_push.delivery_ids) == SIZE


async def test_failing_member_stops_no_neighbour(world, follow_up, sending, fake_push):
    """A bug in one member leaves that member alone unsent, with one caller too."""
    notice_id, batch_id = follow_up
    fake_push.meanwhile = FailsOnce(LookupError("a bug"))
    await send_batch(
        batch_id, asyncio.Event(), room=replace(sending, limits=replace(sending.limits, push_concurrency=1))
    )
    assert await failures(world) == ["LookupError"]
    assert await world.books(notice_id) == {"accepted": SIZE - 1, "retrying": 1}


async def test_failing_text_loses_no_neighbour(world, planned, sending, *, send, fake_sms, vault):
    """The number of one cannot be read: the others' outcomes are recorded, and nobody is in doubt."""
    notice_id = await planned(SIZE, each=a_phone)
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE phone SET number_sealed = '\\x00' WHERE phone_id = (SELECT min(phone_id) FROM phone)")
    [batch_id] = await world.batches()
    await send_batch(batch_id, asyncio.Event(), room=sending)
    assert await failures(world) == ["Unsealable"]
    assert await world.books(notice_id) == {"accepted": SIZE - 1, "planned": 1}
    async with world.db.transaction() as tx:
        code = await tx.fetchval("SELECT customer_code FROM phone ORDER BY phone_id LIMIT 1")
        await tx.execute(
            "UPDATE phone SET number_sealed = $1 WHERE phone_id = (SELECT min(phone_id) FROM phone)",
            vault.seal(b"+84901000000", PHONE, row=code),
        )
    await free(world)
    await send()
    assert await world.books(notice_id) == {"accepted": SIZE}
    assert len(fake_sms.sent) == SIZE


async def test_broken_text_is_in_doubt(world, planned, sending, *, send, fake_sms):
    """A call that ended in a bug may have been taken: it is looked up, and its neighbours are recorded as told."""
    notice_id = await planned(SIZE, each=a_phone)
    [batch_id] = await world.batches()
    fake_sms.meanwhile = FailsOnce(LookupError("a bug"))
    await send_batch(batch_id, asyncio.Event(), room=sending)
    assert await failures(world) == ["LookupError"]
    fake_sms.meanwhile = None
    await free(world)
    await send()
    assert await world.books(notice_id) == {"accepted": SIZE - 1, "unknown": 1}


async def test_ledger_refuses_unsent_follow_up(world, follow_up):
    """The ledger itself refuses to settle a follow-up batch that open deliveries still name."""
    _, batch_id = follow_up
    async with world.db.transaction() as tx:
        assert not await batch.settle(tx, batch_id)
    assert await world.batches() == [batch_id]


async def test_stopped_sender_leaves_follow_up(world, follow_up, sending, fake_push):
    """Told to stop in the midst of a follow-up batch, a sender gives it back with what is unsent."""
    notice_id, batch_id = follow_up
    stop = asyncio.Event()

    async def stop_now():
        stop.set()

    fake_push.meanwhile = stop_now
    one_by_one = replace(sending, limits=replace(sending.limits, push_concurrency=1))
    await send_batch(batch_id, stop, room=one_by_one)
    await eventually(stop.is_set)
    assert await world.books(notice_id) == {"accepted": 1, "retrying": SIZE - 1}
    assert await world.batches() == [batch_id]
