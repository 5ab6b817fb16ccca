"""Expire payments whose time has passed in silence; a late success still counts."""

from typing import Final

from billing_gateway.payments import store as payment
from billing_gateway.payments.room import Payments

BATCH_SIZE_MAX = 500
"""Payments of one transaction."""

PAYMENTS_EXPIRED: Final = payment.ANY_EXPIRED


async def expire_payments(*, room: Payments) -> int:
    """Expire up to BATCH_SIZE_MAX payments that are due. Return how many. Raises Retryable."""
    async with room.db.transaction() as tx:
        return await payment.expire(tx, now=room.clock.now(), limit=BATCH_SIZE_MAX)
