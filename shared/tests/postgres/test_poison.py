"""Work that fails again and again is counted, parked after five tries and released by a command; the rest goes on."""

import asyncio
import signal
import sys
from dataclasses import dataclass, field

import pytest

from gridcare.errors import Retryable
from gridcare.postgres.database import Database
from gridcare.postgres.poison import store
from gridcare.postgres.poison.guard import Guard, Hand
from gridcare.testing.logs import captured_logs
from gridcare.testing.metrics import sample

KILLED_BY_WORK = """
import asyncio, os, signal, sys
from gridcare.postgres.database import Database
from gridcare.postgres.poison.guard import Guard

async def die():
    os.kill(os.getpid(), signal.SIGKILL)

async def alone(guard, item_id):
    await guard.run("batch", item_id, die, seen_before=True)

async def step(hand, limit):
    async with hand.guard.db.transaction() as tx:
        rows = await tx.fetch(
            "SELECT id FROM job WHERE NOT EXISTS (SELECT FROM poison WHERE kind = 'receipt' AND item_id = id::text"
            " AND parked_at IS NOT NULL) ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED", limit)
        await hand.take([str(row["id"]) for row in rows])
        if any(row["id"] == 2 for row in rows):
            await die()
        await tx.execute("DELETE FROM job WHERE id = ANY($1)", [row["id"] for row in rows])
    return len(rows)

async def main():
    async with Database.open(sys.argv[1], application_name="killed") as db:
        guard = Guard(db)
        if sys.argv[2] == "alone":
            await alone(guard, "deadly")
        else:
            await guard.each("receipt", step, limit=10)

asyncio.run(main())
"""


@pytest.fixture
def guard(db: Database) -> Guard:
    return Guard(db)


@dataclass
class Jobs:
    """A table of jobs, some of them bad; a step works on them as a worker's loop does."""

    db: Database
    bad: set[int] = field(default_factory=set)
    error: Exception = field(default_factory=LookupError)

    async def fill(self, *ids: int) -> None:
        async with self.db.transaction() as tx:
            await tx.execute("CREATE TABLE job (id int PRIMARY KEY)")
            await tx.executemany("INSERT INTO job VALUES ($1)", [(each,) for each in ids])

    async def left(self) -> list[int]:
        async with self.db.read() as connection:
            return [row["id"] for row in await connection.fetch("SELECT id FROM job ORDER BY id")]

    async def step(self, hand: Hand, limit: int) -> int:
        async with self.db.transaction() as tx:
            rows = await tx.fetch(
                f"SELECT id FROM job WHERE {store.workable('receipt', 'id::text')} ORDER BY id LIMIT $1 FOR UPDATE",
                limit,
            )
            ids = [row["id"] for row in rows]
            await hand.take([str(each) for each in ids])
            if self.bad.intersection(ids):
                raise self.error
            await tx.execute("DELETE FROM job WHERE id = ANY($1)", ids)
        return len(ids)


@pytest.fixture
def jobs(owner_db: Database) -> Jobs:
    return Jobs(owner_db)


async def bug() -> None:
    raise ZeroDivisionError("a name that nobody may read")


async def counts(db: Database) -> dict[str, int]:
    async with db.read() as connection:
        return {row["item_id"]: row["tries"] for row in await connection.fetch("SELECT item_id, tries FROM poison")}


async def parked(db: Database) -> list[str]:
    async with db.read() as connection:
        return [each.item_id for each in await store.list_parked(connection, None, limit=100)]


async def due_now(db: Database) -> None:
    """Let the pauses after failures be over."""
    async with db.transaction() as tx:
        await tx.execute("UPDATE poison SET retry_at = now() - interval '1 s' WHERE retry_at IS NOT NULL")


async def test_the_fifth_failure_parks(guard: Guard, db: Database) -> None:
    """Work that raises five times is parked, and is not begun again."""
    for tries in range(1, 6):
        assert await parked(db) == []
        assert not await guard.run("batch", "b", bug, seen_before=tries > 1)
        assert await counts(db) == {"b": tries}
    assert await parked(db) == ["b"]

    async def begun() -> None:
        raise AssertionError

    assert not await guard.run("batch", "b", begun, seen_before=True)
    assert await counts(db) == {"b": 5}


async def test_success_forgets(guard: Guard, db: Database) -> None:
    """Work that succeeds at last is not counted any more."""
    for _ in range(4):
        await guard.run("batch", "b", bug, seen_before=True)

    async def fine() -> None:
        return

    assert await guard.run("batch", "b", fine, seen_before=True)
    assert await counts(db) == {}


async def test_progress_starts_afresh(guard: Guard, db: Database) -> None:
    """A try that got further than the one before is not counted against the work."""
    for step in range(12):
        await guard.run("batch", "b", bug, seen_before=True, progress=str(step))
    assert await parked(db) == []


async def test_waiting_is_no_failure(guard: Guard, db: Database) -> None:
    """A dependency that is down for long parks nothing."""

    async def waits() -> None:
        raise Retryable

    for _ in range(12):
        with pytest.raises(Retryable):
            await guard.run("batch", "b", waits, seen_before=True)
    assert set((await counts(db)).values()) == {0}


async def test_failures_tell_no_detail(guard: Guard, db: Database) -> None:
    """The row and the log hold the error's class and never its text; failures are counted in a metric."""
    before = sample("work_failures_total", kind="batch")
    with captured_logs() as logs:
        await guard.run("batch", "b", bug, seen_before=False)
    assert [line["error_class"] for line in logs.named("work_failed")] == ["ZeroDivisionError"]
    assert "nobody may read" not in logs.text
    async with db.read() as connection:
        assert "nobody may read" not in str(await connection.fetch("SELECT * FROM poison"))
    assert sample("work_failures_total", kind="batch") == before + 1


@pytest.mark.parametrize("proven", [True, False])
async def test_neighbours_go_on(*, guard: Guard, jobs: Jobs, db: Database, proven: bool) -> None:
    """Of the rows of one transaction only the bad one is counted, whatever round of the process it is."""
    await jobs.fill(1, 2, 3)
    if proven:
        await guard.each("receipt", jobs.step, limit=0)
    jobs.bad = {2}
    await guard.each("receipt", jobs.step, limit=10)
    assert await jobs.left() == [2]
    assert await counts(db) == {"2": 1}
    assert await guard.each("receipt", jobs.step, limit=10) == 0  # it pauses


async def test_a_bad_row_is_parked(guard: Guard, jobs: Jobs, db: Database) -> None:
    """A row that fails five times is passed over until it is released, and then it goes on."""
    await jobs.fill(1, 2)
    jobs.bad = {2}
    for _ in range(5):
        await due_now(db)
        await guard.each("receipt", jobs.step, limit=10)
    await due_now(db)
    assert await parked(db) == ["2"]
    assert await guard.each("receipt", jobs.step, limit=10) == 0
    jobs.bad = set()
    async with db.transaction() as tx:
        assert await store.release(tx, "receipt", "2") == 1
    await guard.each("receipt", jobs.step, limit=10)
    assert await jobs.left() == []


async def test_no_rows_fault_is_raised(guard: Guard) -> None:
    """An error before anything is in hand is no row's fault: it ends the process, as before."""

    async def step(_: Hand, limit: int) -> int:
        raise LookupError(limit)

    with pytest.raises(LookupError):
        await guard.each("receipt", step, limit=10)


async def test_an_absent_database_blames_none(guard: Guard, jobs: Jobs, db: Database) -> None:
    """Rows in hand when the database goes away are not counted."""
    await jobs.fill(1, 2)
    jobs.bad, jobs.error = {2}, Retryable()
    for _ in range(12):
        with pytest.raises(Retryable):
            await guard.each("receipt", jobs.step, limit=10)
    assert await parked(db) == []
    assert set((await counts(db)).values()) == {0}


@pytest.mark.parametrize("way", ["alone", "among others"])
async def test_a_killed_process_counts(db: Database, owner_url: str, jobs: Jobs, way: str) -> None:
    """Work that kills its process five times is parked before the sixth; its neighbours were done."""
    await jobs.fill(1, 2, 3)
    ends = []
    while len(ends) < 12 and 0 not in ends:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED_BY_WORK, owner_url, way)
        ends.append(await process.wait())
    assert set(ends[:-1]) == {-signal.SIGKILL}
    assert ends[-1] == 0, "the process was killed without end"
    assert len(ends) <= 7
    assert await parked(db) == (["deadly"] if way == "alone" else ["2"])
    assert await jobs.left() == ([1, 2, 3] if way == "alone" else [2])


async def test_one_suspect_at_a_time(guard: Guard, db: Database) -> None:
    """Of work that failed before, one piece is under way at a time, so that a crash blames one."""
    for item in ("a", "b"):
        await guard.run("batch", item, bug, seen_before=False)
    release, under_way = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        under_way.set()
        await release.wait()

    both = [asyncio.create_task(guard.run("batch", item, wait, seen_before=True)) for item in ("a", "b")]
    await asyncio.wait_for(under_way.wait(), 10)
    assert sorted((await counts(db)).values()) == [1, 2]
    release.set()
    assert await asyncio.gather(*both) == [True, True]
