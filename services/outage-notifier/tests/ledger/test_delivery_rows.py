"""The walk over every transition of a delivery, with the counts of its home batch."""

import dataclasses
from collections import Counter
from uuid import uuid4

import asyncpg
import pytest
from msgspec.structs import replace

from gridcare.values.ids import uuid7
from outage_notifier.ledger.core.batch import NewBatch
from outage_notifier.ledger.core.delivery import OPEN, RECORDED, Delivery, State
from outage_notifier.ledger.core.member import Member
from outage_notifier.ledger.store import batch, delivery

PAIRS = [(current, following) for current in State for following in RECORDED]


@pytest.fixture
async def one(world):
    """Return a planned member of a batch of two, as the row that it will have."""
    notice_id = await world.notice(await world.outage())
    batch_id = uuid7(world.clock.now())
    members = [Member(n, f"PB1101000000{n}", "vi", (f"d{n}",)) for n in (1, 2)]
    async with world.db.transaction() as tx:
        await batch.insert(tx, [NewBatch(batch_id, notice_id, home=True, channel="push", lane="bulk", members=members)])
        await tx.execute("UPDATE notice SET audience = 2")
    return Delivery(
        notice_id=notice_id,
        recipient_id="PB11010000001",
        number=1,
        home_batch_id=batch_id,
        language="vi",
        state=State.HELD,
        reason="",
        channel="push",
        contact="",
        covered_by=None,
        tries=0,
        looks=0,
        next_attempt_at=world.clock.now(),
        next_channel=None,
        follow_up_batch_id=None,
        recorded_at=world.clock.now(),
    )


def in_state(row: Delivery, state: State) -> Delivery:
    """Return a row in another state, with a due time while it is open."""
    return replace(row, state=state, next_attempt_at=row.recorded_at if state in OPEN else None)


async def record(world, *rows, **how) -> int:
    async with world.db.transaction() as tx:
        return await delivery.record(tx, rows, **how)


@pytest.fixture
async def walk(world, one):
    """Return a function that records every pair of states, each for a recipient of its own, and what came of it."""

    async def run(*, only_from):
        rows = [replace(one, recipient_id=f"PB1101{n:07}", number=n) for n in range(1, len(PAIRS) + 1)]
        members = [Member(row.number, row.recipient_id, "vi", ("d",)) for row in rows]
        home = NewBatch(
            uuid7(world.clock.now()), one.notice_id, home=True, channel="push", lane="bulk", members=members
        )
        rows = [replace(row, home_batch_id=home.batch_id) for row in rows]
        async with world.db.transaction() as tx:
            await batch.insert(tx, [home])
            await tx.execute("UPDATE notice SET audience = audience + $1", len(rows))
        steps = list(zip(rows, PAIRS, strict=True))
        await record(world, *(in_state(row, now) for row, (now, _) in steps if now is not State.PLANNED))
        await record(world, *(in_state(row, then) for row, (_, then) in steps), only_from=only_from)
        async with world.db.read() as c:
            recorded = await delivery.find(c, [row.key for row in rows])
        return [(pair, recorded[row.key].state) for row, pair in steps]

    return run


async def test_outcomes_move_open_states(world, one, walk):
    """The walk over every pair of states: the row and the counts move together, or not at all."""
    came_to = await walk(only_from=OPEN)
    assert came_to == [(pair, pair[1] if pair[0] in OPEN else pair[0]) for pair in PAIRS]
    books = await world.books(one.notice_id)
    assert books == {"planned": 2} | Counter(state.value for _, state in came_to)


async def test_receipts_move_any_state(world, one, walk):
    """With the rank decided by its caller, a settled delivery moves too, and its counts with it."""
    came_to = await walk(only_from=frozenset(State))
    assert came_to == [(pair, pair[1]) for pair in PAIRS]
    books = await world.books(one.notice_id)
    assert books == {"planned": 2} | Counter(state.value for _, state in came_to)


async def test_counted_each_at_home(world, one):
    """One statement moves the counts of two home batches."""
    other = replace(
        one,
        notice_id=await world.notice(
            None, revision=None, kind="payment-received", audience_rule="one", recipient_id="PB11010000009"
        ),
        recipient_id="PB11010000009",
        home_batch_id=uuid4(),
    )
    async with world.db.transaction() as tx:
        await batch.insert(
            tx,
            [
                NewBatch(
                    other.home_batch_id, None, home=True, channel="sms", lane="bulk", members=[Member(1, "x", "vi", ())]
                )
            ],
        )
    await record(world, in_state(one, State.ACCEPTED), in_state(other, State.UNKNOWN))
    await record(world, in_state(one, State.FAILED), in_state(other, State.RETRYING))
    async with world.db.read() as c:
        rows = await c.fetch("SELECT accepted, failed, unknown, retrying FROM batch ORDER BY notice_id NULLS LAST")
    assert [tuple(row) for row in rows] == [(1, 0, 0, 0), (0, 0, 0, 1)]


async def test_counts_in_any_plan(world, one):
    """With joins forced the other way round the former state is still taken off."""
    await record(world, in_state(one, State.RETRYING))
    for method in ("enable_hashjoin", "enable_mergejoin", "enable_nestloop"):
        async with world.db.transaction() as tx:
            await tx.execute(f"SET LOCAL {method} = off")
            await delivery.record(tx, [in_state(one, State.UNKNOWN)])
            await delivery.record(tx, [in_state(one, State.RETRYING)])
    assert await world.books(one.notice_id) == {"planned": 1, "retrying": 1}


async def test_impossible_books_are_refused(world, one):
    """More deliveries than members violates the batch's own check."""
    rows = [replace(in_state(one, State.ACCEPTED), recipient_id=f"PB1101000000{n}") for n in range(1, 4)]
    with pytest.raises(asyncpg.CheckViolationError):
        await record(world, *rows)
    assert await world.books(one.notice_id) == {"planned": 2}


async def test_cost_in_large_ledger(world, one):
    """A record of a batch reads no other batch, and no delivery but its own."""
    others = [replace(one, recipient_id=f"PB1102{n:07}", number=n) for n in range(3, 403)]
    async with world.owner_db.transaction() as tx:
        home = NewBatch(
            uuid4(), one.notice_id, home=True, channel="push", lane="bulk", members=[Member(1, "x", "vi", ())]
        )
        await batch.insert(tx, [dataclasses.replace(home, batch_id=uuid4()) for _ in range(3_000)])
        await tx.execute("UPDATE batch SET size = 500 WHERE batch_id = $1", one.home_batch_id)
        await delivery.record(tx, others)
        await tx.execute("ANALYZE batch, delivery")
    async with world.db.transaction() as tx:
        await delivery.record(tx, [replace(one, number=1), replace(one, recipient_id="PB11010000002", number=2)])
        read = await tx.fetch(
            "SELECT relname, seq_tup_read FROM pg_stat_xact_user_tables WHERE relname IN ('batch', 'delivery')"
        )
    assert dict(read) == {"batch": 0, "delivery": 0}
