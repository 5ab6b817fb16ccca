"""Take a share of a provider account's rate before calling it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gridcare.events.notices import Lane
from gridcare.observability import metrics
from gridcare.postgres.database import Database
from outage_notifier.sending import store as rate

GRANTS_PER_S: Final = 20
"""A grant is this part of a second's rate: small enough that several senders share a second, large enough to be cheap."""


@dataclass(slots=True)
class RateGrants:
    """The rate of one provider account: calls a second in all, and how many of them are kept for a lane.

    Calls are leased from the database, a grant at a time; what is leased is counted down here.
    """

    db: Database
    account: str
    rate_per_s: int
    reserved: Mapping[Lane, int]
    _left: dict[Lane, int] = field(default_factory=dict)
    _locks: dict[Lane, asyncio.Lock] = field(default_factory=dict)

    def take_now(self, lane: Lane) -> bool:
        """Take one call of the share that is leased already. Return False when none is left: then `take`."""
        left = self._left.get(lane, 0)
        if left <= 0:
            return False
        self._left[lane] = left - 1
        return True

    async def take(self, lane: Lane) -> None:
        """Wait until one more call may be made in this lane."""
        while not self.take_now(lane):
            async with self._locks.setdefault(lane, asyncio.Lock()):
                if self._left.get(lane, 0) <= 0:
                    await self._lease(lane)

    async def _lease(self, lane: Lane) -> None:
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
