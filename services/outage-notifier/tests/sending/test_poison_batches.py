"""A batch that raises is parked after five tries: its members stay planned, its neighbours are sent, newer revisions go on."""

from datetime import timedelta

import pytest

from gridcare.postgres.poison import store
from gridcare.postgres.poison.guard import Guard
from outage_notifier.ledger.flow.complete_notices import complete_notices
from outage_notifier.ledger.flow.read_notices import read_notice
from outage_notifier.ledger.store import notice
from outage_notifier.planning.flow.hint_batches import hint_again
from outage_notifier.sending.flow.fall_back import STOPPED_DUE, fall_back
from outage_notifier.sending.room import Waiting


async def due_now(db):
    """Let the pauses after failures be over."""
    async with db.transaction() as tx:
        await tx.execute("UPDATE poison SET retry_at = now() - interval '1 s' WHERE retry_at IS NOT NULL")


@pytest.fixture
async def poisoned(world, plan, db):
    """Return a notice of one customer whose template only another release knows; a sound one is planned beside it."""
    for n in (1, 2):
        await world.customer(f"PB1101000000{n}", feeder=f"FD{n}", phones=[f"+8490100000{n}"])
    bad, _ = [await world.notice(await world.outage(feeders=[f"FD{n}"])) for n in (1, 2)]
    await plan()
    await named(db, bad, "zebra")
    return bad


async def named(db, notice_id, template):
    async with db.transaction() as tx:
        await tx.execute("UPDATE notice SET template = $2 WHERE notice_id = $1", notice_id, template)


async def fail(db, send, *, tries):
    for _ in range(tries):
        await due_now(db)
        await send()


async def test_poison_batch_is_parked(*, poisoned, db, send, fake_sms, ledger, world):
    """It is begun until it is parked, then never; its member stays planned and is seen in the progress."""
    await fail(db, send, tries=8)
    assert len(fake_sms.sent) == 1
    assert await world.books(poisoned) == {"planned": 1}
    assert await complete_notices(room=ledger) == 1
    assert (await read_notice(poisoned, room=ledger)).parked_batches == 1
    (parked,) = await world.batches()
    async with db.read() as connection:
        assert [(each.item_id, each.error_class) for each in await store.list_parked(connection, None, limit=9)] == [
            (str(parked), "KeyError")
        ]


async def test_parked_batch_is_not_hinted(poisoned, db, send, planning):
    """Nobody is told of a parked batch, until it is released."""
    await fail(db, send, tries=8)
    async with db.transaction() as tx:
        await tx.execute("UPDATE batch SET hinted_at = now() - interval '1 day'")
    assert await hint_again(room=planning) == 0
    async with db.transaction() as tx:
        assert await store.release(tx, "batch", None) == 1
    assert await hint_again(room=planning) == 1


async def test_released_batch_goes_on(poisoned, db, send, fake_sms, world):
    """Once the cause is mended and the batch is released, its member is told."""
    await fail(db, send, tries=8)
    await named(db, poisoned, "announcement")
    await send()
    assert await world.books(poisoned) == {"planned": 1}
    async with db.transaction() as tx:
        await store.release(tx, "batch", None)
    await send()
    assert sorted(sent.to for sent in fake_sms.sent) == ["+84901000001", "+84901000002"]
    assert await world.books(poisoned) == {"accepted": 1}


async def test_parked_batch_ends_too_late(poisoned, db, send, world, *, ledger, clock):
    """When its notice is of no more use, the members of a parked batch end as expired, and so the notice ends."""
    await fail(db, send, tries=8)
    room = Waiting(world.db, clock, Guard(db), timedelta(seconds=90))
    assert await fall_back(room=room) == 0
    clock.move(days=30)
    async with db.read() as connection:
        assert await connection.fetchval(STOPPED_DUE, clock.now())
    assert await fall_back(room=room) == 1
    assert await world.books(poisoned) == {"expired": 1}
    assert await world.rows("SELECT reason FROM delivery WHERE state = 'expired'") == [("too-late",)]
    assert await world.batches() == []
    async with db.read() as connection:
        assert await store.list_parked(connection, None, limit=9) == []
    assert await fall_back(room=room) == 0
    while await complete_notices(room=ledger):
        pass
    assert await world.rows("SELECT state FROM notice") == [("completed",), ("completed",)]


async def test_packed_members_wait_on(world, db, plan, clock):
    """Of a parked batch of many notices those end whose use is over; the others wait until it is released."""
    for n, days in ((1, 1), (2, 20)):
        await world.customer(f"PB1101000000{n}", feeder=f"FD{n}", phones=[f"+8490100000{n}"])
        useful_until = clock.now() + timedelta(days=days)
        await world.notice(await world.outage(feeders=[f"FD{n}"]), useful_until=useful_until)
    await plan()
    first, second = await world.batches()
    async with world.owner_db.transaction() as tx:
        await tx.execute(
            "UPDATE batch SET notice_id = NULL, size = 2, useful_until = (SELECT min(useful_until) FROM batch),"
            " members = (SELECT jsonb_agg(jsonb_set(b.members -> 0, '{5}', to_jsonb(b.notice_id))) FROM batch b)"
            " WHERE batch_id = $1",
            first,
        )
        await tx.execute("DELETE FROM batch WHERE batch_id = $1", second)
        await tx.execute(
            "INSERT INTO poison (kind, item_id, tries, parked_at) VALUES ('batch', $1, 5, now())", str(first)
        )
    room = Waiting(world.db, clock, Guard(db), timedelta(seconds=90))
    clock.move(days=2)
    assert [await fall_back(room=room) for _ in range(2)] == [1, 0]
    assert await world.rows("SELECT recipient_id, state FROM delivery") == [("PB11010000001", "expired")]
    clock.move(days=20)
    assert await fall_back(room=room) == 1
    assert await world.batches() == []


async def test_parked_batch_blocks_no_revision(poisoned, db, send, world, clock):
    """A newer revision's notice does not wait for a parked batch of the one that it supersedes."""
    await fail(db, send, tries=8)
    async with db.transaction() as tx:
        outage_id = await tx.fetchval("SELECT outage_id FROM notice WHERE notice_id = $1", poisoned)
        await notice.supersede(tx, outage_id, before_revision=99, now=clock.now())
        await tx.execute(
            "INSERT INTO notice SELECT (jsonb_populate_record(n, jsonb_build_object('notice_id', gen_random_uuid(),"
            " 'revision', 99, 'state', 'scheduled', 'superseded_at', NULL, 'plan_attempt', 0, 'plan_cursor', ''))).*"
            " FROM notice n WHERE notice_id = $1",
            poisoned,
        )
        claimed = await notice.claim_due(tx, now=clock.now() + timedelta(seconds=1), lease_s=30)
    assert claimed is not None
    assert claimed.revision == 99
