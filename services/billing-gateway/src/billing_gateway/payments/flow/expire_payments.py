"""Let go of attempts to pay whose time passed with nothing heard; a late success still counts."""

from billing_gateway.payments import store as payment
from gridcare.postgres.database import Database
from gridcare.values.clock import Clock

BATCH_SIZE_MAX = 500
"""Attempts of one transaction."""


async def expire_payments(db: Database, clock: Clock) -> int:
    """Expire the attempts that are due, a batch; how many. Raises Retryable."""
    async with db.transaction() as tx:
        return await payment.expire(tx, now=clock.now(), limit=BATCH_SIZE_MAX)
