"""Retention of the shared tables: what is deleted and what is kept."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from gridcare.postgres import inbox
from gridcare.postgres.retention import forget_expired


class Standing:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 23, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Standing:
    return Standing()


async def count(db, table: str) -> int:
    async with db.read() as connection:
        return await connection.fetchval(f"SELECT count(*) FROM {table}")


async def test_answers_are_kept_seven_days(db, clock):
    """Answers are deleted after seven days, to the second."""
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO idempotency (caller, key, fingerprint, result, created_at) VALUES ('a', 'k', '', 'null', $1)",
            clock.now(),
        )
    clock.time += timedelta(days=7)
    assert await forget_expired(db, clock) == 0
    clock.time += timedelta(seconds=1)
    assert await forget_expired(db, clock) == 1


async def test_event_ids_are_kept(db, owner_db, clock):
    """Event ids are kept for 35 days by the database's own clock, longer than any topic keeps a record."""
    async with owner_db.transaction() as tx:
        await inbox.accept(tx, "tests", uuid4())
        await inbox.accept(tx, "tests", UUID(int=1))
        await tx.execute("UPDATE inbox SET received_at = now() - interval '36 days' WHERE event_id = $1", UUID(int=1))
    assert await forget_expired(db, clock) == 1
    assert await count(db, "inbox") == 1
