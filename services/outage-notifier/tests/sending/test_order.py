"""Urgent first, then what is useful for the shortest time: in planning, in follow-ups, and among the batches that wait."""

import asyncio
from datetime import timedelta

import pytest

from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.ledger.store import batch, notice
from outage_notifier.planning.flow.cut_follow_ups import cut_follow_ups
from outage_notifier.planning.store import follow_up
from outage_notifier.sending.flow.send_batch import send_next

A, B = "PB11010000001", "PB11010000002"
BUSY = Outcome(OutcomeKind.RETRY, "QUOTA_EXCEEDED", retry_after_s=60)


@pytest.fixture
async def three(world):
    """Schedule a reminder for days, then a restoration for hours, then an emergency for longer: all are due."""
    await world.customer(A, devices=["d1"])
    now = world.clock.now()
    kinds = {
        "reminder": {"due_at": now - timedelta(hours=2), "useful_until": now + timedelta(days=2)},
        "restoration": {"due_at": now - timedelta(hours=1), "useful_until": now + timedelta(hours=3)},
        "emergency": {"due_at": now, "useful_until": now + timedelta(days=3)},
    }
    return {
        kind: await world.notice(await world.outage(), kind=kind, audience_rule="scope", **times)
        for kind, times in kinds.items()
    }


async def test_due_notices_in_order(world, three):
    """Planners take the emergency, then the restoration, and the reminder last, though it was due first."""
    claimed = []
    async with world.db.transaction() as tx:
        while each := await notice.claim_due(tx, now=world.clock.now(), lease_s=30):
            claimed.append(each.kind)
    assert claimed == ["emergency", "restoration", "reminder"]


async def single(world, code, useful_until):
    """Schedule a receipt for one customer."""
    one = {"revision": None, "kind": "payment-received", "audience_rule": "one", "recipient_id": code}
    await world.notice(None, **one, useful_until=useful_until)


async def test_single_notices_in_order(world):
    """One-recipient notices are packed by the end of their use, not by their age."""
    ends = {A: timedelta(days=2), B: timedelta(hours=1)}
    for code, left in ends.items():
        await world.customer(code, devices=[code])
        await single(world, code, world.clock.now() + left)
    async with world.db.transaction() as tx:
        singles = await notice.take_singles(tx, now=world.clock.now(), lane="transactional", limit=2)
        assert [single.recipient_id for single in singles] == [B, A]


async def test_restoration_before_reminders(world, plan, *, sending, fake_push):
    """Planned after the reminders, a restoration is the first that a sender claims in their lane."""
    for n in range(2):
        await world.customer(f"PB1101000100{n}", devices=[f"r{n}"])
    for kind, useful in (("reminder", timedelta(days=2)), ("restoration", timedelta(hours=3))):
        end = world.clock.now() + useful
        await world.notice(await world.outage(), kind=kind, audience_rule="scope", useful_until=end)
        await plan()
        world.clock.move(seconds=1)
    while await send_next("push", "bulk", asyncio.Event(), room=sending):
        pass
    kinds = [message["data"]["kind"] for message in fake_push.accepted]
    assert kinds == ["restoration"] * 2 + ["reminder"] * 2


async def test_packed_batch_has_deadline(world, plan):
    """A batch of several notices is as urgent as the one whose use ends first."""
    soon = world.clock.now() + timedelta(hours=1)
    for code, end in ((A, soon), (B, soon + timedelta(days=1))):
        await world.customer(code, devices=[code])
        await single(world, code, end)
    await plan()
    async with world.db.read() as c:
        assert [row["useful_until"] for row in await c.fetch("SELECT useful_until FROM batch")] == [soon]


async def test_follow_ups_in_order(world, three, *, plan, send, planning, fake_push):
    """Due again at the same time: the emergency is cut first, the reminder last."""
    fake_push.outcomes["d1"] = BUSY
    await plan()
    await send()
    world.clock.move(seconds=61)
    async with world.db.transaction() as tx:
        await tx.execute(
            "UPDATE delivery SET next_attempt_at = next_attempt_at - interval '1 s' WHERE notice_id = $1",
            three["reminder"],
        )
        keys = await follow_up.due(tx, now=world.clock.now(), limit=3)
    assert [notice_id for notice_id, _ in keys] == [three["emergency"], three["restoration"], three["reminder"]]
    assert await cut_follow_ups(room=planning, limit=1) == 1
    assert [await _lane(world, each) for each in await world.batches()] == ["urgent"]


async def _lane(world, batch_id):
    async with world.db.read() as c:
        return await c.fetchval("SELECT lane FROM batch WHERE batch_id = $1", batch_id)


async def test_hints_come_ever_slower(world, three, plan):
    """A batch that waits is hinted at after a minute, then after two, then after four: not each minute."""
    await plan()

    async def waits(minutes):
        async with world.db.transaction() as tx:
            await tx.execute("UPDATE batch SET hinted_at = now() - make_interval(secs => $1)", 60 * minutes + 1)
            hints = await batch.hint_again(tx, await batch.take_silent(tx, silent_s=60, limit=10))
        return [hint.number for hint in hints]

    assert await waits(1) == [2, 2, 2]
    assert await waits(1) == []
    assert await waits(2) == [3, 3, 3]
    assert await waits(3) == []
    assert await waits(4) == [4, 4, 4]
