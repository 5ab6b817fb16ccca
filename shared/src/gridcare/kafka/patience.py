"""Waiting in place while a dependency is away: longer each time, but never after the work was told to stop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiokafka.structs import TopicPartition

from gridcare.errors import Retryable
from gridcare.kafka.fate import Fate
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from gridcare.process.backoff import Backoff

BACKOFF_FIRST_S = 0.2
BACKOFF_MAX_S = 30.0

T = TypeVar("T")

logger = get_logger()


class Stopped(Exception):
    """The partition is being given back; unfinished records come again, here or in another member."""


class Patience:
    """Waits on behalf of one partition, without affecting the others."""

    def __init__(self, partition: TopicPartition, *, group: str, backoff_max_s: float) -> None:
        self.stopping = asyncio.Event()
        self._partition = partition
        self._group = group
        self._backoff = Backoff(first_s=BACKOFF_FIRST_S, limit_s=backoff_max_s)

    def succeeded(self) -> None:
        """Start the next series of waits from the shortest."""
        self._backoff.succeeded()

    async def insist(self, step: Callable[[], Awaitable[T]]) -> T:
        """Repeat `step` until it succeeds, waiting while the database or the broker is away. Raises Stopped."""
        while True:
            try:
                return await step()
            except Retryable as error:
                await self.back_off(error)

    async def back_off(self, error: Exception) -> None:
        """Wait before the next try. Raises Stopped if the partition is given back meanwhile."""
        backoff_s = self._backoff.failed()
        topic, partition = self._partition
        metrics.CONSUMER_RECORDS.inc(topic=topic, fate=Fate.RETRYABLE.value)
        logger.warning(
            "partition_waits",
            group=self._group,
            topic=topic,
            partition=partition,
            error_class=type(error.__cause__ or error).__name__,
            backoff_s=backoff_s,
            tries=self._backoff.failures,
        )
        metrics.CONSUMER_PAUSED.inc(topic=topic)
        try:
            async with asyncio.timeout(backoff_s):
                await self.stopping.wait()
        except TimeoutError:
            return
        finally:
            metrics.CONSUMER_PAUSED.dec(topic=topic)
        raise Stopped
