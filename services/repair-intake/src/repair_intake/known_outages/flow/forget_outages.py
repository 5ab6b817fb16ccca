"""Delete outages long past."""

from datetime import timedelta

from gridcare.postgres import inbox
from gridcare.postgres.database import Database
from gridcare.values.clock import Clock
from repair_intake.known_outages import store as outage

OUTAGE_KEPT = timedelta(days=inbox.KEPT_DAYS)
"""Longer than any topic keeps a record: an event that was passed cannot come back and be taken for news."""


async def forget_outages(db: Database, clock: Clock) -> int:
    """Delete outages whose last event and last window are older than any record; how many. Raises Retryable."""
    async with db.transaction() as tx:
        return await outage.forget(tx, clock.now() - OUTAGE_KEPT)
