"""Take a share of a provider account's rate before calling it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from gridcare.observability import metrics
from gridcare.postgres.database import Database
from outage_notifier.sending import store as rate

GRANTS_PER_S = 20
"""A grant is this part of a second's rate: small enough that several senders share a second, large enough to be cheap."""


@dataclass(slots=True)
class RateGrants:
    """The rate of one account: calls a second in all, and what is kept for each lane."""

    db: Database
    account: str
    rate_per_s: int
    reserved: Mapping[str, int]
    _left: dict[str, int] = field(default_factory=dict)
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    def take_now(self, lane: str) -> bool:
        """Take one call of the share that is leased already; false when none is left: then `take`."""
        left = self._left.get(lane, 0)
        if left <= 0:
            return False
        self._left[lane] = left - 1
        return True

    async def take(self, lane: str) -> None:
        """Wait until one more call may be made in this lane."""
        while not self.take_now(lane):
            async with self._locks.setdefault(lane, asyncio.Lock()):
                if self._left.get(lane, 0) <= 0:
                    await self._lease(lane)

    async def _lease(self, lane: str) -> None:
        wanted = max(1, self.rate_per_s // GRANTS_PER_S)
        async with self.db.transaction() as tx:
            granted, next_second_s = await rate.take(
                tx, self.account, lane=lane, wanted=wanted, rate_per_s=self.rate_per_s, reserved=self.reserved
            )
        if granted:
            self._left[lane] = granted
        else:
            metrics.RATE_GRANT_WAITS.inc(lane=lane)
            metrics.RATE_GRANT_WAIT_SECONDS.observe(next_second_s, lane=lane)
            await asyncio.sleep(next_second_s + 0.001)
