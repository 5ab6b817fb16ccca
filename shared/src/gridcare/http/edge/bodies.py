"""Bodies: a deadline for each, and one budget of memory for all that a process holds."""

from typing import Final

from gridcare.observability import metrics

BODY_IDLE_TIMEOUT_S: Final = 20.0
"""A client that sends no part of its body for this long is disconnected (slow-loris)."""
BODY_GRACE_S: Final = 20.0
BODY_RATE_MIN_BYTES_PER_S: Final = 8 * 1024
"""A body may take the grace, and then as long as it comes at this rate: a slow mobile line is many times faster."""
BODIES_MAX_BYTES: Final = 64 * 1024**2
"""Of all bodies that a process holds at once: eight of the largest that a route takes whole (8 MiB)."""
BUSY_RETRY_AFTER_S: Final = 2


class BodyBudget:
    """The memory that one process gives to the bodies of the requests under way."""

    def __init__(self, max_bytes: int = BODIES_MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._held_bytes = 0

    def take(self, size_bytes: int) -> bool:
        """Count bytes that came in. Return False where there is no room for them."""
        if self._held_bytes + size_bytes > self._max_bytes:
            metrics.BODIES_REFUSED.inc()
            return False
        self._held_bytes += size_bytes
        return True

    def give_back(self, size_bytes: int) -> None:
        """Count bytes that are held no longer."""
        self._held_bytes -= size_bytes


class BodyClock:
    """The time that one body has taken so far, counted only while we wait for the client."""

    def __init__(self, *, idle_s: float = BODY_IDLE_TIMEOUT_S, grace_s: float = BODY_GRACE_S) -> None:
        self._idle_s = idle_s
        self._grace_s = grace_s
        self._waited_s = 0.0
        self._received_bytes = 0

    def left_s(self) -> float:
        """Return how long the next part may take to come; 0 where the body has taken too long already."""
        allowed_s = self._grace_s + self._received_bytes / BODY_RATE_MIN_BYTES_PER_S
        return max(0.0, min(self._idle_s, allowed_s - self._waited_s))

    def came(self, size_bytes: int, *, after_s: float) -> None:
        """Count a part that came after so many seconds of waiting."""
        self._received_bytes += size_bytes
        self._waited_s += after_s
