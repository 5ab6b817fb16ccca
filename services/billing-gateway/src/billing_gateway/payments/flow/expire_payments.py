"""Expire attempts to pay whose time has passed in silence; a late success still counts."""

from billing_gateway.payments import store as payment
from billing_gateway.payments.room import Payments

BATCH_SIZE_MAX = 500
"""Attempts of one transaction."""


async def expire_payments(*, room: Payments) -> int:
    """Expire a batch of the attempts that are due. Return the number of attempts. Raises Retryable."""
    async with room.db.transaction() as tx:
        return await payment.expire(tx, now=room.clock.now(), limit=BATCH_SIZE_MAX)
