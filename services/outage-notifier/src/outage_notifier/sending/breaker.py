"""The breaker of a channel: it stops the calls while our own credentials look wrong."""

import time
from dataclasses import dataclass

from gridcare.events.notices import Channel
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind

logger = get_logger()


@dataclass(slots=True)
class Breaker:
    """Open while our own credentials look wrong: nothing is sent and nothing is pruned until it closes by itself.

    Ask `is_open` before a call, and tell it the outcome with `heed`. `open_until_s` is on the monotonic clock.
    """

    channel: Channel
    pause_s: float = 60.0
    open_until_s: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether calls are forbidden now."""
        return time.monotonic() < self.open_until_s

    def heed(self, outcome: Outcome) -> None:
        """Open when an outcome says that our own credentials are refused."""
        if outcome.kind is OutcomeKind.MISCONFIGURED:
            self.trip(outcome.code)

    def trip(self, why: str) -> None:
        """Open for `pause_s` from now."""
        if not self.is_open:
            logger.error("breaker_opened", channel=self.channel, reason=why)
            metrics.BREAKERS_OPENED.inc(channel=self.channel)
        self.open_until_s = time.monotonic() + self.pause_s
