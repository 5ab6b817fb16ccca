"""Retention: months come before they are needed and go when they are over, what still matters stays."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from gridcare.postgres.poison.guard import Guard
from gridcare.testing.clock import StandingClock
from gridcare.testing.metrics import sample
from gridcare.values.ids import uuid7
from outage_notifier.contacts.room import PhoneHistory
from outage_notifier.ledger.core.months import (
    AHEAD_MONTHS,
    Partition,
    expired,
    missing,
    month_of,
    months_ahead,
    months_later,
    unindexed_since,
)
from outage_notifier.ledger.flow.forget_notices import forget_notices
from outage_notifier.ledger.flow.keep_partitions import keep_partitions
from outage_notifier.ledger.room import Keeping
from outage_notifier.ledger.store import partition
from outage_notifier.receipts.flow.forget_keys import forget_keys
from outage_notifier.receipts.room import Marks
from outage_notifier.worker import retention_steps

KEPT_MONTHS = 3
TODAY = datetime.now(UTC)
"""Partitions are made and guarded on the database's clock, which nobody can set."""


@pytest.fixture
def keeping(db):
    """Return a room of retention that keeps three months, on a clock that may be moved from today."""
    return Keeping(db, StandingClock(TODAY), KEPT_MONTHS)


async def rows(db, query: str, *arguments):
    async with db.read() as connection:
        return await connection.fetch(query, *arguments)


async def names(db, parent: str = "delivery") -> list[str]:
    async with db.read() as connection:
        return [each.name for each in await partition.partitions(connection) if each.parent == parent]


async def old_months(owner_db, number: int) -> list[datetime]:
    """Put months that are over into the place of the first partitions, as a year of running leaves them; return them."""
    months = [months_later(month_of(TODAY), -n) for n in range(number, 0, -1)]
    async with owner_db.transaction() as tx:
        for table in ("delivery", "batch", "attempt"):
            await tx.execute(f"DROP TABLE {table}_before")
            for month in months:
                await partition.add(tx, table, month)
    return months


async def told(world, at: datetime, *, state: str = "completed"):
    """Write a notice of a time, with one delivery, its batch and its attempt. Return its id."""
    notice_id, batch_id = uuid7(at), uuid7(at)
    async with world.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO notice (notice_id, kind, template, template_version, slots, tag, lane, audience_rule, due_at,"
            " useful_until, state, created_at) VALUES ($1, 'k', 't', 1, '{}', '', 'bulk', 'scope', $2, $2, $3, $2)",
            *(notice_id, at, state),
        )
        await tx.execute("INSERT INTO notice_contact VALUES ($1, 'k', 'PB1')", notice_id)
        await tx.execute(
            "INSERT INTO batch (batch_id, notice_id, home, channel, lane, members, size, state)"
            " VALUES ($1, $2, true, 'push', 'bulk', '[]', 1, 'settled')",
            *(batch_id, notice_id),
        )
        await tx.execute(
            "INSERT INTO delivery (notice_id, recipient_id, number, home_batch_id, language, state, reason, channel, contact,"
            " tries, recorded_at) VALUES ($1, 'PB1', 1, $2, 'vi', 'accepted', '', 'push', '', 1, $3)",
            *(notice_id, batch_id, at),
        )
        await tx.execute(
            "INSERT INTO attempt (batch_id, place, try, notice_id, recipient_id, channel, contact_id, started_at)"
            " VALUES ($1, 0, 1, $2, 'PB1', 'push', 'd', $3)",
            *(batch_id, notice_id, at),
        )
    return notice_id


async def test_months_come_in_time(db, keeping):
    """Each table has its months to come, and a year later those of that time, without a gap."""
    await keep_partitions(room=keeping)
    assert sample("partitions_ahead_months") >= AHEAD_MONTHS
    keeping.clock.move(days=365)
    while await keep_partitions(room=Keeping(db, keeping.clock, 120)):
        pass
    wanted = [f"{months_later(month_of(TODAY), n):%Y_%m}" for n in range(12)]
    for parent in ("delivery", "batch", "attempt"):
        assert {f"{parent}_{month}" for month in wanted} <= set(await names(db, parent))


async def test_strays_are_taken_in(db, keeping, world):
    """What came for a month without a partition is counted, and moves into it once it is there."""
    notice_id = await told(world, months_later(month_of(TODAY), AHEAD_MONTHS + 2))
    assert await rows(db, "SELECT notice_id FROM delivery_default") == [(notice_id,)]
    await keep_partitions(room=keeping)
    assert sample("partition_stray_rows") == 3
    keeping.clock.move(days=70)
    await keep_partitions(room=keeping)
    assert sample("partition_stray_rows") == 0
    assert await rows(db, "SELECT notice_id FROM delivery") == [(notice_id,)]


async def test_old_months_go_whole(db, keeping, world):
    """Months that are no longer kept are dropped from all three tables, and their notices are deleted in bites."""
    months = await old_months(world.owner_db, KEPT_MONTHS + 2)
    gone = [await told(world, months[0]), await told(world, months[0])]
    stays = await told(world, months[2])
    assert await keep_partitions(room=keeping) >= 3
    for table in ("delivery", "batch", "attempt"):
        assert [row[0] for row in await rows(db, f"SELECT notice_id FROM {table}")] == [stays]
    assert await forget_notices(room=keeping, limit=1) == 2
    assert [row[0] for row in await rows(db, "SELECT notice_id FROM notice ORDER BY 1")] == sorted([*gone, stays])[1:]
    assert await forget_notices(room=keeping, limit=1) == 2
    assert await forget_notices(room=keeping, limit=1) == 0
    assert [row[0] for row in await rows(db, "SELECT notice_id FROM notice_contact")] == [stays]


async def test_covers_go_with_notices(db, keeping, world):
    """Covers of notices whose month was dropped are deleted in bites; those of a month that is kept stay."""
    months = await old_months(world.owner_db, KEPT_MONTHS + 2)
    gone, stays = [await told(world, months[n]) for n in (0, 2)]
    async with db.transaction() as tx:
        for notice_id in (gone, stays):
            for code in ("PB2", "PB3"):
                await tx.execute("INSERT INTO cover VALUES ($1, $2, 'PB1', 'sms', '', NULL)", notice_id, code)
    await keep_partitions(room=keeping)
    while await forget_notices(room=keeping, limit=1):
        pass
    assert {row["notice_id"] for row in await rows(db, "SELECT notice_id FROM cover")} == {stays}


async def test_default_is_asked_by_recipient(db):
    """What has no month's partition has its index by recipient at once: nobody knows when it is over."""
    [row] = await rows(db, "SELECT indexdef FROM pg_indexes WHERE indexname = 'delivery_default_by_recipient'")
    assert row["indexdef"].endswith("(recipient_id)")
    async with db.transaction() as tx:
        await tx.execute("SET LOCAL enable_seqscan = off")
        plan = await tx.fetch("EXPLAIN SELECT FROM delivery_default WHERE recipient_id = 'PB1'")
    assert "delivery_default_by_recipient" in plan[0][0] + plan[1][0]


@pytest.mark.parametrize("state", ["scheduled", "planned"])
async def test_open_notices_keep_months(db, keeping, world, state):
    """A month with a notice that is not over stays, and those after it."""
    months = await old_months(world.owner_db, KEPT_MONTHS + 2)
    await told(world, months[0], state=state)
    await told(world, months[1])
    await keep_partitions(room=keeping)
    assert len(await rows(db, "SELECT FROM delivery")) == 2
    assert await forget_notices(room=keeping) == 0
    assert sample("overdue_partitions") == 6
    async with db.transaction() as tx:
        await tx.execute("UPDATE notice SET state = 'completed'")
    await keep_partitions(room=keeping)
    assert sample("overdue_partitions") == 0


async def test_recent_months_cannot_be_dropped(db):
    """The database itself refuses to drop what ended less than 60 days ago, the rest, or another table."""
    recent = f"delivery_{TODAY:%Y_%m}"
    assert recent in await names(db)
    for name in (recent, "delivery_default", "notice", "nothing"):
        async with db.transaction() as tx:
            with pytest.raises(asyncpg.RaiseError):
                await partition.drop(tx, name)


async def test_clocks_ahead_drop_nothing(db, keeping, world):
    """A service whose clock is a year ahead, as in a demo, drops nothing that is recent by the database's clock."""
    await told(world, TODAY)
    keeping.clock.move(days=365)
    while await keep_partitions(room=keeping):
        pass
    assert len(await rows(db, "SELECT FROM delivery")) == 1


async def test_ended_months_get_an_index(db, keeping):
    """The month that is over gets its index by recipient before the inbox relies on it, and the running one has none."""
    assert [each.name for each in await parts(db) if each.indexed] == ["delivery_before"]
    keeping.clock.move(days=32)
    await keep_partitions(room=keeping)
    for each in await parts(db):
        assert each.indexed or each.ends_at > unindexed_since(keeping.clock.now())
    assert f"delivery_{keeping.clock.now():%Y_%m}" in [each.name for each in await parts(db) if not each.indexed]


async def parts(db) -> list[Partition]:
    async with db.read() as connection:
        return [each for each in await partition.partitions(connection) if each.parent == "delivery"]


async def test_keys_go_after_60_days(db, keeping):
    """Messages' attempts and receipts' keys are forgotten after 60 days, in bites."""
    async with db.transaction() as tx:
        for days in (61, 62, 59):
            at = TODAY - timedelta(days=days)
            await tx.execute("INSERT INTO receipt_key VALUES ('twilio', $1, NULL, $2)", str(days), at)
            await tx.execute("INSERT INTO sms_message VALUES ($1, $2, 0, 1, $3)", str(days), uuid7(at), at)
    marks = Marks(db, keeping.clock, Guard(db))
    assert [await forget_keys(room=marks, limit=1) for _ in range(3)] == [1, 1, 0]
    assert [await forget_notices(room=keeping, limit=1) for _ in range(3)] == [1, 1, 0]
    assert await rows(db, "SELECT dedup_key FROM receipt_key") == await rows(db, "SELECT message_id FROM sms_message")


async def test_steps_have_an_end(db, keeping):
    """Each step comes to nothing when it has done its work, so that the command ends."""
    history = PhoneHistory(db, keeping.clock, KEPT_MONTHS)
    for step in retention_steps(keeping, Marks(db, keeping.clock, Guard(db)), history).values():
        while await step():
            pass
        assert await step() == 0


def part(parent, starts: datetime, *, indexed: bool = False) -> Partition:
    return Partition(parent, f"{parent}_{starts:%Y_%m}", starts, months_later(starts, 1), indexed)


def test_which_months_are_missing():
    """Months follow the last one without a gap, over a year's end, however late a worker comes."""
    december = datetime(2026, 12, 1, tzinfo=UTC)
    found = [part("batch", months_later(december, -1))]
    assert missing(found, now=december) == [months_later(december, n) for n in range(AHEAD_MONTHS + 1)]
    assert missing(found, now=months_later(december, -8)) == []
    assert months_ahead(found, now=december) == -1
    assert months_ahead([*found, part("delivery", months_later(december, 9))], now=december) == -1


def test_which_months_are_expired():
    """A month goes when the kept ones lie between it and this one: deliveries first, since batches count them."""
    months = [datetime(2026, n, 1, tzinfo=UTC) for n in (1, 2, 3)]
    found = [part(parent, month) for parent in ("attempt", "delivery") for month in months]
    gone = expired(found, kept_months=3, now=datetime(2026, 6, 30, tzinfo=UTC))
    assert [(each.parent, each.ends_at.month) for each in gone] == [
        ("delivery", 2),
        ("attempt", 2),
        ("delivery", 3),
        ("attempt", 3),
    ]
