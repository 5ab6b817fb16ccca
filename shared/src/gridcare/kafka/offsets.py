"""What a group member has finished on each partition, and committing it to the broker.

Only explicit offsets are committed, after the database has committed or a dead-letter topic has acknowledged. aiokafka
rebalances in a background task, so a commit without arguments would include records that are still being handled.
"""

import asyncio

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import TopicPartition

from gridcare.errors import Retryable
from gridcare.kafka.restored.positions import Positions
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from gridcare.process.crash_points import reach

COMMIT_DEADLINE_S = 5.0
"""Needed because aiokafka retries a commit forever."""

logger = get_logger()


class Offsets:
    """The next offset to read on each partition that this member holds."""

    def __init__(self, consumer: AIOKafkaConsumer, positions: Positions) -> None:
        self._consumer = consumer
        self._positions = positions
        self._finished: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._committing = asyncio.Lock()

    def start(self, partition: TopicPartition, offset: int) -> None:
        """Note that the partition is read from `offset`; an earlier member dealt with what is before it."""
        self._finished.setdefault(partition, offset)

    async def tell_lost(self, partition: TopicPartition) -> None:
        """Say so if the group is ahead of the database, which was then restored to an earlier time. Raises Retryable."""
        try:
            async with asyncio.timeout(COMMIT_DEADLINE_S):
                committed = await self._consumer.committed(partition)
        except (KafkaError, TimeoutError) as error:
            raise Retryable(f"kafka: {type(error).__name__}") from error
        if committed is not None and (lost := await self._positions.lost(partition, committed)):
            topic, number = partition
            metrics.CONSUMER_LOST.set(lost.records, topic=topic)
            logger.error(
                "restored_behind_topics",
                group=lost.group,
                topic=topic,
                partition=number,
                offset=lost.first,
                records=lost.records,
            )

    def finish(self, partition: TopicPartition, offset: int) -> None:
        """Note that everything up to and including `offset` is dealt with."""
        self._finished[partition] = offset + 1
        reach("consumer.applied")

    def forget(self) -> None:
        """Drop all notes: the partitions are no longer ours, and a late commit could move another member backwards."""
        self._finished.clear()
        self._committed.clear()

    def lag(self) -> dict[str, int]:
        """Return, by topic, how many records the held partitions lag behind; partitions not fetched from do not count."""
        behind: dict[str, int] = {}
        for partition in self._consumer.assignment():
            end = self._consumer.highwater(partition)
            if end is not None:
                behind.setdefault(partition.topic, 0)
                behind[partition.topic] += max(0, end - self._finished.get(partition, end))
        return behind

    async def commit(self) -> None:
        """Note in the database, then commit, what was finished since the last commit.

        A rebalance and a silent broker or database are normal and ignored: the records come again and are known by their
        ids. Raises KafkaError for lasting errors, such as a missing authorisation.
        """
        async with self._committing:
            held = self._consumer.assignment()
            news = {
                partition: offset
                for partition, offset in self._finished.items()
                if self._committed.get(partition) != offset and partition in held
            }
            if not news:
                return
            try:
                async with asyncio.timeout(COMMIT_DEADLINE_S):
                    await self._positions.note(news)
                    await self._consumer.commit(news)
            except (CommitFailedError, IllegalStateError, TimeoutError, Retryable) as error:
                logger.info("offsets_not_committed", error_class=type(error).__name__)
            except KafkaError as error:
                if not error.retriable:
                    raise
                logger.info("offsets_not_committed", error_class=type(error).__name__)
            else:
                self._committed.update(news)
                reach("consumer.committed")
