"""The pauses between short retries. Long retries are rows with a `next_attempt_at` instead.

stamina and tenacity sleep on their own between tries and cannot be woken, so a process that is told to stop, or a
partition that is being given back, would first sit out the pause. Here the caller does the waiting.
"""

import random
from typing import Final

JITTER_MIN: Final = 0.5
"""Each pause is between this share of the full one and all of it, so that processes that failed together spread out."""


class Backoff:
    """The pauses of one series of tries, in seconds: `first_s`, doubled after each failure, at most `limit_s`, jittered."""

    def __init__(self, *, first_s: float, limit_s: float) -> None:
        self._first_s = first_s
        self._limit_s = limit_s
        self._full_s = first_s
        self.failures = 0

    def failed(self) -> float:
        """Count a failure and return how many seconds to wait before the next try."""
        full_s = min(self._full_s, self._limit_s)
        self._full_s = full_s * 2
        self.failures += 1
        return full_s * random.uniform(JITTER_MIN, 1)  # noqa: S311 - jitter is no secret

    def succeeded(self) -> None:
        """Start the next series from the shortest pause."""
        self._full_s = self._first_s
        self.failures = 0
