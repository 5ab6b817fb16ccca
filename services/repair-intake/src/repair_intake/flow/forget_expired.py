"""Delete what nobody can ask for again: old answers, noted events, outages long past."""

from datetime import timedelta

from gridcare.clock import Clock
from gridcare.observability.logging import get_logger
from gridcare.postgres import idempotency, inbox
from gridcare.postgres.database import Database
from repair_intake.store import outage

OUTAGE_KEPT = timedelta(days=inbox.KEPT_DAYS)
"""Longer than any topic keeps a record: an event that was passed cannot come back and be taken for news."""

logger = get_logger()


async def forget_expired(db: Database, clock: Clock) -> int:
    """Delete each table's expired rows in a transaction of its own, so that none waits for another; how many.

    Raises Retryable.
    """
    now = clock.now()
    async with db.transaction() as tx:
        answers = await idempotency.forget(tx, now)
    async with db.transaction() as tx:
        events = await inbox.forget(tx)
    async with db.transaction() as tx:
        outages = await outage.forget(tx, now - OUTAGE_KEPT)
    rows = answers + events + outages
    logger.info("expired_forgotten", rows=rows)
    return rows
