"""How long outages are kept."""

from datetime import timedelta
from uuid import UUID

from gridcare.events.outages import Window
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
