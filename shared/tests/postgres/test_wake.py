"""Wake-ups: a commit wakes those who listen, a roll-back nobody, and a listener that lost its server listens again."""

import asyncio
from functools import partial

import asyncpg

from gridcare.postgres import wake
from gridcare.postgres.look import Work, repeat_work
from gridcare.process.lifecycle import Lifecycle
from gridcare.testing.waiting import eventually
from gridcare.values.clock import SystemClock

LISTENER = "a listener"


async def test_commit_wakes_listeners(db, database_url):
    """Nothing is heard before the commit."""
    async with wake.listening(database_url, "bell", application_name=LISTENER) as heard:
        await asyncio.wait_for(heard.wait(), 10)  # it listens from now on
        heard.clear()
        async with db.transaction() as tx:
            await wake.send(tx, "bell")
            await asyncio.sleep(0.2)
            assert not heard.is_set()
        await asyncio.wait_for(heard.wait(), 10)


async def test_lost_listener_listens_again(db, database_url, postgres_admin_url):
    """One whose session the server ended wakes its process once, and hears what is sent later."""
    async with wake.listening(database_url, "bell", application_name=LISTENER) as heard:
        await asyncio.wait_for(heard.wait(), 10)
        heard.clear()
        admin = await asyncpg.connect(postgres_admin_url)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", LISTENER
        )
        await admin.close()
        await asyncio.wait_for(heard.wait(), 20)
        heard.clear()
        async with db.transaction() as tx:
            await wake.send(tx, "bell")
        assert await asyncio.wait_for(heard.wait(), 10)


async def test_look_finds_due_work(owner_db):
    """One statement finds which kinds have work: the step of the other kind is called at the start alone."""
    async with owner_db.transaction() as tx:
        await tx.execute("CREATE TABLE letter (due_at timestamptz)")
        await tx.execute("CREATE TABLE parcel (due_at timestamptz)")
    lifecycle, calls = Lifecycle(), []

    async def deliver(table: str) -> int:
        async with owner_db.transaction() as tx:
            tag = await tx.execute(f"DELETE FROM {table} WHERE due_at <= now()")
        calls.append(table)  # only now: what the test inserts after the first calls is found by a later one
        if tag != "DELETE 0":
            lifecycle.stop()
        return 0

    work = {
        table: Work(partial(deliver, table), f"SELECT true FROM {table} WHERE due_at <= $1 LIMIT 1")
        for table in ("letter", "parcel")
    }
    running = asyncio.create_task(repeat_work(lifecycle, owner_db, SystemClock(), work))
    await eventually(lambda: len(calls) == 2)
    async with owner_db.transaction() as tx:
        await tx.execute("INSERT INTO letter SELECT now() FROM generate_series(1, 3)")
    await asyncio.wait_for(running, 10)
    assert (calls.count("letter"), calls.count("parcel")) == (2, 1)
