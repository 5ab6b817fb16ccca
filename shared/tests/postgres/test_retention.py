"""Retention of the shared tables: what is deleted and what is kept."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from gridcare.errors import Retryable
from gridcare.postgres import inbox
from gridcare.postgres.retention import retention_command, retention_loops, shared_steps
from gridcare.process.lifecycle import Lifecycle, repeat_all
from gridcare.testing.logs import captured_logs
from gridcare.testing.metrics import sample


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
    assert await shared_steps(db, clock)["forget_answers"]() == 0
    clock.time += timedelta(seconds=1)
    assert await shared_steps(db, clock)["forget_answers"]() == 1


async def test_event_ids_are_kept(db, owner_db, clock):
    """Event ids are kept for 35 days by the database's own clock, longer than any topic keeps a record."""
    async with owner_db.transaction() as tx:
        await inbox.accept(tx, "tests", uuid4())
        await inbox.accept(tx, "tests", UUID(int=1))
        await tx.execute("UPDATE inbox SET received_at = now() - interval '36 days' WHERE event_id = $1", UUID(int=1))
    assert await shared_steps(db, clock)["forget_event_ids"]() == 1
    assert await count(db, "inbox") == 1


async def raises() -> int:
    raise ValueError("a bug")


async def is_away() -> int:
    raise Retryable


async def test_bad_steps_stop_no_others(owner_db, db, clock):
    """A table that refuses every delete is counted and logged; the other tables are trimmed, and the worker lives."""
    async with owner_db.transaction() as tx:
        await tx.execute("ALTER TABLE idempotency RENAME COLUMN created_at TO made_at")
        await inbox.accept(tx, "tests", UUID(int=1))
        await tx.execute("UPDATE inbox SET received_at = now() - interval '36 days'")
    lifecycle, failed = Lifecycle(), sample("work_failures_total", kind="retention")

    async def stop() -> int:
        if not await count(db, "inbox") and sample("work_failures_total", kind="retention") > failed:
            lifecycle.stop()
        return 0

    with captured_logs() as log:
        await asyncio.wait_for(
            repeat_all(lifecycle, *retention_loops(shared_steps(db, clock)), ("stop", 0.01, stop)), 20
        )
    assert [line["step"] for line in log.named("retention_failed")] == ["forget_answers"]
    assert sample("work_failures_total", kind="retention") == failed + 1


async def test_the_command_goes_on(db, clock, capsys):
    """The command does the steps behind one that fails, says which failed, and ends with 1."""
    with captured_logs():
        assert await retention_command({"bad": raises, "away": is_away, **shared_steps(db, clock)}) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["bad: 0, then failed: ValueError", "away: 0, then failed: Retryable", "forget_answers: 0"]
    assert await retention_command(shared_steps(db, clock)) == 0
