"""The rate of a provider account, as one process has leased it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gridcare.events.notices import Lane
from gridcare.events.topics import LANES

GRANTS_PER_S: Final = 20
"""A grant is this part of a second's rate: small enough that several senders share a second, large enough to be cheap."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The rate of one provider account: calls a second in all, and how many of them are kept for a lane.

    Calls are leased from the database a grant at a time (flow/take_rate.py), one lease under way in each lane; `leased`
    says how many of them are left.
    """

    account: str
    rate_per_s: int
    reserved: Mapping[Lane, int]
    leased: dict[Lane, int] = field(default_factory=lambda: dict.fromkeys(LANES, 0))
    leasing: Mapping[Lane, asyncio.Lock] = field(default_factory=lambda: {lane: asyncio.Lock() for lane in LANES})

    @property
    def grant_size(self) -> int:
        """How many calls are leased at a time."""
        return max(1, self.rate_per_s // GRANTS_PER_S)

    def take_now(self, lane: Lane) -> bool:
        """Take one call of those that are leased. Return False if none is left; then call `take_rate`."""
        left = self.leased[lane]
        if left <= 0:
            return False
        self.leased[lane] = left - 1
        return True
