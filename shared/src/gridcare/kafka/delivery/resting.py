"""Partitions that are left alone for a while, so that one that takes nothing does not hold up the others."""

import time
from collections.abc import Hashable

from gridcare.errors import Retryable
from gridcare.process.backoff import Backoff

REST_FIRST_S = 1.0
REST_MAX_S = 30.0


class PartitionRests(Retryable):
    """The record was not sent: its partition failed lately."""


class Resting:
    """The partitions that failed lately, each with a pause that grows while it keeps failing."""

    def __init__(self, *, first_s: float = REST_FIRST_S, limit_s: float = REST_MAX_S) -> None:
        self._first_s = first_s
        self._limit_s = limit_s
        self._failing: dict[Hashable, tuple[Backoff, float]] = {}

    def rests(self, partition: Hashable) -> bool:
        """Return whether the partition's pause is not over."""
        return partition in self._failing and time.monotonic() < self._failing[partition][1]

    def failed(self, partition: Hashable) -> None:
        """Let the partition rest, for longer than the last time."""
        backoff, _ = self._failing.get(partition, (Backoff(first_s=self._first_s, limit_s=self._limit_s), 0.0))
        self._failing[partition] = (backoff, time.monotonic() + backoff.failed())

    def succeeded(self, partition: Hashable) -> None:
        """Forget that the partition failed."""
        self._failing.pop(partition, None)
