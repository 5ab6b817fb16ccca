"""Strays: open deliveries whose batch settled without them are found, counted and sent."""

import asyncpg
import pytest

from gridcare.testing.metrics import sample
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.planning.flow.cut_follow_ups import cut_follow_ups
from outage_notifier.planning.flow.recut_strays import recut_strays

BUSY = Outcome(OutcomeKind.RETRY, "QUOTA_EXCEEDED", retry_after_s=60)
SIZE = 5


@pytest.fixture
async def waiting(world, planned, planning, *, send, fake_push):
    """Return a notice whose SIZE deliveries wait in a follow-up batch."""
    fake_push.outcomes = {f"d{n}": BUSY for n in range(SIZE)}
    notice_id = await planned(SIZE, each=lambda n: {"devices": [f"d{n}"]})
    await send()
    fake_push.outcomes = {}
    world.clock.move(seconds=61)
    assert await cut_follow_ups(room=planning) == SIZE
    return notice_id


async def execute(world, sql):
    async with world.owner_db.transaction() as tx:
        await tx.execute(sql)


@pytest.mark.parametrize(
    "fault", ["UPDATE batch SET state = 'settled' WHERE NOT home", "DELETE FROM batch WHERE NOT home"]
)
async def test_strays_are_sent_after_all(world, waiting, planning, *, send, fault):
    """Their batch settled, or is gone: they are counted, cut again and told, and the books balance."""
    await execute(world, fault)
    before = sample("deliveries_strayed_total")
    assert await recut_strays(room=planning) == SIZE
    assert sample("deliveries_strayed_total") == before + SIZE
    assert await recut_strays(room=planning) == 0
    assert await cut_follow_ups(room=planning) == SIZE
    await send()
    assert await world.books(waiting) == {"accepted": SIZE}


async def test_waiting_is_no_stray(world, waiting, planning, *, send):
    """Who waits in a batch that is ready is left there, and so is who was told in it."""
    assert await recut_strays(room=planning) == 0
    await send()
    assert await recut_strays(room=planning) == 0
    assert await world.books(waiting) == {"accepted": SIZE}


async def test_some_of_many_batches(world, waiting, planning, *, send):
    """One batch of several lost its members: those alone are strays."""
    await execute(
        world,
        "INSERT INTO batch (batch_id, notice_id, home, channel, lane, members, size, state)"
        " SELECT gen_random_uuid(), notice_id, false, 'push', lane, '[]', 1, 'settled' FROM batch WHERE NOT home",
    )
    await execute(
        world,
        "UPDATE delivery SET follow_up_batch_id = (SELECT batch_id FROM batch WHERE state = 'settled' AND NOT home)"
        " WHERE number = 3",
    )
    assert await recut_strays(room=planning) == 1
    await send()
    await cut_follow_ups(room=planning)
    await send()
    assert await world.books(waiting) == {"accepted": SIZE}


async def test_open_without_future_refused(world, waiting):
    """The ledger itself refuses an open delivery that nobody would look at again."""
    with pytest.raises(asyncpg.CheckViolationError):
        await execute(world, "UPDATE delivery SET follow_up_batch_id = NULL")
