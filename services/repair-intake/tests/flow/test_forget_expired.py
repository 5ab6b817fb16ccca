"""Retention: what is deleted, and what is kept."""

from datetime import timedelta
from uuid import UUID, uuid4

from gridcare.events.outages import Window
from gridcare.postgres import inbox
from repair_intake.flow.forget_expired import forget_expired


async def _count(db, table: str) -> int:
    async with db.read() as connection:
        return await connection.fetchval(f"SELECT count(*) FROM {table}")


async def test_answers(api, happens, supply_point, db, clock):
    """An answer is kept for seven days; the ticket stays."""
    await happens(supply_point())
    await api.open(key="k1")
    clock.move(days=7)
    await forget_expired(db, clock)
    assert await _count(db, "idempotency") == 1
    clock.move(seconds=1)
    await forget_expired(db, clock)
    assert (await _count(db, "idempotency"), await _count(db, "ticket")) == (0, 1)


async def test_events(db, clock):
    """Noted events are kept for 35 days, by the database's own clock."""
    async with db.transaction() as tx:
        await inbox.accept(tx, "tests", uuid4())
        await inbox.accept(tx, "tests", UUID(int=1))
        await tx.execute("UPDATE inbox SET received_at = now() - interval '36 days' WHERE event_id = $1", UUID(int=1))
    await forget_expired(db, clock)
    assert await _count(db, "inbox") == 1


async def test_outages(db, clock, happens, cut):
    """An outage is forgotten 35 days after both its last event and its last window, with its scope."""
    later = clock.now() + timedelta(days=20)
    await happens(cut(), cut(outage_id=UUID(int=8), windows=(Window(start=later, end=later),)))
    clock.move(days=36)
    await forget_expired(db, clock)
    assert (await _count(db, "outage"), await _count(db, "outage_scope")) == (1, 1)
    clock.move(days=20)
    await forget_expired(db, clock)
    assert (await _count(db, "outage"), await _count(db, "outage_scope")) == (0, 0)
