"""How long outages are kept."""

from datetime import timedelta
from uuid import UUID

from pydantic import SecretStr

from gridcare.events.outages import Window
from gridcare.process.settings import DatabaseSettings
from repair_intake.__main__ import retention
from repair_intake.known_outages import store as outage
from repair_intake.known_outages.flow import forget_outages
from repair_intake.known_outages.room import KnownOutages


async def _count(db, table: str) -> int:
    async with db.read() as connection:
        return await connection.fetchval(f"SELECT count(*) FROM {table}")


async def test_old_outages_are_forgotten(db, clock, *, happens, cut):
    """An outage is forgotten, with its scope, 35 days after both its last event and its last window."""
    room = KnownOutages(db, clock)
    later = clock.now() + timedelta(days=20)
    await happens(cut(), cut(outage_id=UUID(int=8), windows=(Window(start=later, end=later),)))
    clock.move(days=36)
    await forget_outages(room=room)
    assert (await _count(db, "outage"), await _count(db, "outage_scope")) == (1, 1)
    clock.move(days=20)
    await forget_outages(room=room)
    assert (await _count(db, "outage"), await _count(db, "outage_scope")) == (0, 0)


async def test_outages_go_in_bites(db, clock, *, happens, cut):
    """One transaction deletes no more than its limit."""
    await happens(*(cut(outage_id=UUID(int=number)) for number in range(1, 6)))
    clock.move(days=36)
    counts = []
    for _ in range(4):
        async with db.transaction() as tx:
            counts.append(await outage.forget(tx, clock.now(), limit=2))
    assert counts == [2, 2, 1, 0]


async def test_retention_forgets_outages(db, database_url, capsys, *, happens, cut):
    """The command does what the worker does, and says how much."""
    await happens(cut(), cut(outage_id=UUID(int=8)))
    later_s = timedelta(days=100).total_seconds()
    settings = DatabaseSettings(database_url=SecretStr(database_url), clock_offset_s=later_s)
    assert await retention(settings, ()) == 0
    assert capsys.readouterr().out.splitlines()[0] == "forget_outages: 2"
    assert await _count(db, "outage") == 0
