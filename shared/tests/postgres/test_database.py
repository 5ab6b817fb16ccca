"""The pool: errors that may pass are Retryable, all others are raised unchanged."""

import asyncio

import asyncpg
import pytest

from gridcare.errors import Retryable
from gridcare.postgres.database import Database
from gridcare.testing.metrics import sample


async def test_a_missing_server_is_retryable():
    """Connecting to a closed port does not raise the driver's error."""
    with pytest.raises(Retryable):
        async with Database.open("postgresql://nobody@127.0.0.1:1/nothing", application_name="tests"):
            raise AssertionError("it cannot have opened")


async def test_killed_connections_are_replaced(db):
    """The statement under way fails as Retryable; the next one works."""
    with pytest.raises(Retryable):
        async with db.transaction() as tx:
            await tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    async with db.read() as c:
        assert await c.fetchval("SELECT 1") == 1


async def test_a_deadlock_is_retryable(owner_db):
    """Of two transactions that wait for each other, one raises Retryable."""
    async with owner_db.transaction() as tx:
        await tx.execute("CREATE TABLE pair (n int PRIMARY KEY)")
        await tx.execute("INSERT INTO pair VALUES (1), (2)")
    both = asyncio.Barrier(2)

    async def lock(first: int, second: int) -> None:
        async with owner_db.transaction() as tx:
            await tx.execute("SELECT FROM pair WHERE n = $1 FOR UPDATE", first)
            await both.wait()
            await tx.execute("SELECT FROM pair WHERE n = $1 FOR UPDATE", second)

    results = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)
    assert sorted(type(r).__name__ for r in results) == ["NoneType", "Retryable"]


async def test_sql_errors_are_unchanged(db):
    """A violated constraint is not a dependency that is down."""
    with pytest.raises(asyncpg.UniqueViolationError):
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO inbox (consumer, event_id) SELECT 'a', gen_random_uuid() FROM (VALUES (1)) v")
            await tx.execute("INSERT INTO inbox SELECT * FROM inbox")


async def test_an_exhausted_pool_refuses(database_url):
    """With every connection lent, the next caller gets Retryable after some seconds instead of queueing forever."""
    before = sample("database_pool_in_use_connections")
    async with Database.open(database_url, application_name="tests", pool_size=2) as small, small.read(), small.read():
        assert sample("database_pool_in_use_connections") == before + 2
        with pytest.raises(Retryable):
            async with small.read():
                raise AssertionError("there was no connection left")


async def test_slow_statements_are_cancelled(database_url):
    """statement_timeout is set on every connection."""
    async with Database.open(database_url, application_name="tests", statement_timeout_s=0.2) as quick:
        with pytest.raises(Retryable):
            async with quick.read() as c:
                await c.execute("SELECT pg_sleep(5)")
