"""Delete outages that are long past."""

from datetime import timedelta

from gridcare.postgres import inbox
from gridcare.postgres.bites import BITE_ROWS
from repair_intake.known_outages import store as outage
from repair_intake.known_outages.room import KnownOutages

OUTAGE_KEPT = timedelta(days=inbox.KEPT_DAYS)
"""Longer than any topic keeps a record, so that no old event comes back once its outage's version is forgotten."""


async def forget_outages(*, room: KnownOutages) -> int:
    """Delete a bite of the outages whose last event and last window are both older than OUTAGE_KEPT.

    Return the number of outages. Raises Retryable.
    """
    async with room.db.transaction() as tx:
        return await outage.forget(tx, room.clock.now() - OUTAGE_KEPT, limit=BITE_ROWS)
