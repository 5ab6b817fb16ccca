"""Take a share of a provider account's rate before calling it."""

import asyncio
from typing import Final

from gridcare.events.notices import Lane
from gridcare.observability import metrics
from outage_notifier.sending import store as rate_grant
from outage_notifier.sending.rate import Rate
from outage_notifier.sending.room import Sending

BEYOND_S: Final = 0.001
"""Each wait ends just inside the next second, so that it cannot end a moment too early."""


async def take_rate(rate: Rate, lane: Lane, *, room: Sending) -> None:
    """Wait until one more call may be made in a lane. Raises Retryable."""
    while not rate.take_now(lane):
        async with rate.leasing[lane]:
            if rate.leased[lane] <= 0:
                await _lease(rate, lane, room)


async def _lease(rate: Rate, lane: Lane, room: Sending) -> None:
    """Lease a grant, or wait for the next second."""
    async with room.db.transaction() as tx:
        granted, next_second_s = await rate_grant.take(
            tx, rate.account, lane=lane, wanted=rate.grant_size, rate_per_s=rate.rate_per_s, reserved=rate.reserved
        )
    if granted:
        rate.leased[lane] = granted
    else:
        metrics.RATE_GRANT_WAITS.inc(lane=lane)
        metrics.RATE_GRANT_WAIT_SECONDS.observe(next_second_s, lane=lane)
        await asyncio.sleep(next_second_s + BEYOND_S)
