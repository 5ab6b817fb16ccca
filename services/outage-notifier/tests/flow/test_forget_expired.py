"""Retention: what is deleted, and what is kept."""

from uuid import UUID, uuid4

from gridcare.postgres import idempotency, inbox
from gridcare.postgres.idempotency import Answer, IdempotentRequest
from outage_notifier.flow.forget_expired import forget_expired


async def _count(db, table: str) -> int:
    async with db.read() as connection:
        return await connection.fetchval(f"SELECT count(*) FROM {table}")


async def test_answers(db, clock):
    """An answer is kept for seven days."""
    async with db.transaction() as tx:
        await idempotency.store(tx, IdempotentRequest("anna", "k1", b"print"), Answer(201, b"{}"), clock.now())
    clock.move(days=7)
    assert await forget_expired(db, clock) == 0
    clock.move(seconds=1)
    assert await forget_expired(db, clock) == 1
    assert await _count(db, "idempotency") == 0


async def test_events(db, clock):
    """Noted events are kept for 35 days, by the database's own clock."""
    async with db.transaction() as tx:
        await inbox.accept(tx, "tests", uuid4())
        await inbox.accept(tx, "tests", UUID(int=1))
        await tx.execute("UPDATE inbox SET received_at = now() - interval '36 days' WHERE event_id = $1", UUID(int=1))
    assert await forget_expired(db, clock) == 1
    assert await _count(db, "inbox") == 1
