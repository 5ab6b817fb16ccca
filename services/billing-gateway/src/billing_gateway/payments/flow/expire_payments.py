"""Expire payments whose time has passed in silence; a late success still counts."""

from functools import partial
from typing import Final

from billing_gateway.payments import store as payment
from billing_gateway.payments.room import Expiry
from gridcare.postgres.poison.guard import Hand

BATCH_SIZE_MAX = 500
"""Payments of one transaction."""

PAYMENTS_EXPIRED: Final = payment.ANY_EXPIRED


async def expire_payments(*, room: Expiry) -> int:
    """Expire up to BATCH_SIZE_MAX payments that are due. Return how many. Raises Retryable."""
    return await room.guard.each("expiry", partial(_expire, room), limit=BATCH_SIZE_MAX)


async def _expire(room: Expiry, hand: Hand, limit: int) -> int:
    async with room.db.transaction() as tx:
        now = room.clock.now()
        expired = await payment.take_expired(tx, now=now, limit=limit)
        if expired:
            await hand.take([str(payment_id) for payment_id in expired])
            await payment.expire(tx, expired, now=now)
    return len(expired)
