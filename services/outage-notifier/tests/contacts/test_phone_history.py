"""Who changed which phone is kept for as long as it was said, for a year at least, and not for ever."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from gridcare.testing.clock import StandingClock
from outage_notifier.contacts.flow.forget_phone_changes import forget_phone_changes
from outage_notifier.contacts.room import PhoneHistory

TODAY = datetime.now(UTC)
"""The database guards the last year on its own clock, which nobody can set."""

YEAR_D, TWO_YEARS_D = 365, 2 * 365


@pytest.fixture
def history(db):
    """Return a room that keeps changes of phones for two years, on a clock that may be moved from today."""
    return PhoneHistory(db, StandingClock(TODAY), 24)


async def changed(db, *days_ago: int) -> None:
    """Write that a phone was changed so many days ago, each."""
    async with db.transaction() as tx:
        await tx.executemany(
            "INSERT INTO phone_change (customer_code, phone_id, action, masked, made_by, made_at)"
            " VALUES ('PB11010012345', 1, 'added', '*01', 'anna', $1)",
            [[TODAY - timedelta(days=days)] for days in days_ago],
        )


async def left(db) -> list[int]:
    """Return how many days ago what is left was changed."""
    async with db.read() as connection:
        return [
            (TODAY - at[0]).days for at in await connection.fetch("SELECT made_at FROM phone_change ORDER BY change_id")
        ]


async def test_old_changes_go_in_bites(db, history):
    """What is older than two years is deleted, the oldest first, so many at once; the younger changes stay."""
    await changed(db, TWO_YEARS_D + 9, TWO_YEARS_D + 8, TWO_YEARS_D + 7, TWO_YEARS_D - 1, YEAR_D + 9, 3)
    assert [await forget_phone_changes(room=history, limit=2) for _ in range(3)] == [2, 1, 0]
    assert await left(db) == [TWO_YEARS_D - 1, YEAR_D + 9, 3]


async def test_a_year_is_kept(db, owner_db, history):
    """The processes' role cannot delete a young change, not by the function or on a wrong clock either; nor can the owner."""
    await changed(db, YEAR_D - 1, 0)
    async with db.transaction() as tx:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await tx.execute("DELETE FROM phone_change")
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT forget_phone_changes($1, 100)", TODAY + timedelta(days=YEAR_D)) == 0
    history.clock.move(days=3 * YEAR_D)
    assert await forget_phone_changes(room=history) == 0
    with pytest.raises(asyncpg.RestrictViolationError):
        async with owner_db.transaction() as tx:
            await tx.execute("DELETE FROM phone_change")
    assert await left(db) == [YEAR_D - 1, 0]


@pytest.mark.parametrize("statement", ["UPDATE phone_change SET made_by = ''", "TRUNCATE phone_change"])
async def test_old_changes_stay_true(db, owner_db, statement):
    """A change that may be deleted cannot be rewritten all the same, and not all of them be emptied at once."""
    await changed(db, TWO_YEARS_D)
    with pytest.raises(asyncpg.RestrictViolationError):
        async with owner_db.transaction() as tx:
            await tx.execute(statement)


async def test_bites_have_a_limit(db):
    """Whoever asks the function for more gets 5,000 deleted at once."""
    await changed(db, *[TWO_YEARS_D] * 5_001)
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT forget_phone_changes($1, 1000000)", TODAY) == 5_000
    assert len(await left(db)) == 1
