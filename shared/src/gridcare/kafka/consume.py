"""The consumer runtime: one group member, one task per partition, offsets committed after the database.

aiokafka rebalances in its own background task. The listener here ends the work on revoked partitions, within a deadline,
before the group continues, and starts work on the assigned ones. The first failure of any task ends the whole member: a
consumer that has lost its heartbeat or a partition's task would look alive and do nothing.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from gridcare.events import Topic
from gridcare.kafka.admin import DEAD_LETTER_SIZE_MAX_BYTES
from gridcare.kafka.brokers import Brokers
from gridcare.kafka.clients import REBALANCE_TIMEOUT_MIN_S, close_consumer, new_group_member
from gridcare.kafka.crashes import CrashLedger
from gridcare.kafka.dead_letters.dead_letter import LIMIT_PER_HOUR, DeadLetters
from gridcare.kafka.offsets import Offsets
from gridcare.kafka.partition import Handle, PartitionWork, Tools
from gridcare.kafka.patience import BACKOFF_MAX_S
from gridcare.kafka.produce import Producer
from gridcare.kafka.restored.positions import Positions
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from gridcare.postgres.database import Database
from gridcare.process.backoff import Backoff
from gridcare.process.lifecycle import Lifecycle

START_DEADLINE_S = 30.0
START_BACKOFF_FIRST_S = 0.5
START_BACKOFF_MAX_S = 10.0
BEAT_INTERVAL_S = 1.0
POLL_WAIT_S = 1.0
REVOKE_GRACE_S = REBALANCE_TIMEOUT_MIN_S * 2 / 3
"""How long records in hand may take when their partition is revoked; the group waits only for its rebalance timeout."""

_NO_PARTITION = TopicPartition("", -1)

logger = get_logger()


@dataclass(frozen=True, slots=True)
class Subscription:
    """How the records of some topics are handled.

    `handle` receives at most `records_max` envelopes of one partition, in order. It applies them in its own transaction
    and raises Retryable, Rejected, PassedOver, or anything else for a bug (gridcare.kafka.fate). If a call with several
    records fails, they are handled again one by one, so the failed call must have been rolled back.
    """

    topics: tuple[Topic, ...]
    handle: Handle
    records_max: int = 1


@dataclass(frozen=True, slots=True)
class ConsumerLimits:
    """Time limits of a consumer; tests use shorter ones."""

    session_timeout_s: float = 45.0
    handle_deadline_s: float = 60.0
    commit_interval_s: float = 0.5
    """After a crash, at most the records of this long are handled again."""
    stop_grace_s: float = 12.0
    """Part of the process's grace (20 s), which also covers the last commit and leaving the group."""
    backoff_max_s: float = BACKOFF_MAX_S
    dead_letters_per_hour: int = LIMIT_PER_HOUR


DEFAULT_LIMITS = ConsumerLimits()


async def run_consumer(
    *,
    brokers: Brokers,
    group: str,
    subscriptions: Sequence[Subscription],
    db: Database,
    lifecycle: Lifecycle,
    limits: ConsumerLimits = DEFAULT_LIMITS,
) -> None:
    """Consume as a member of `group` until told to stop, then finish the records in hand, commit and leave the group.

    Raises whatever a handler raises other than Retryable, Rejected and PassedOver, DeadLetterLimitReached, and KafkaError if the
    broker refuses for good. The process should then end and be restarted.
    """
    async with Producer(
        brokers, client_id=f"{group}-dead-letters", record_size_max_bytes=DEAD_LETTER_SIZE_MAX_BYTES
    ) as producer:
        consumer = await _connect(brokers, group, lifecycle, limits)
        if consumer is None:
            return
        tools = Tools(
            consumer=consumer,
            group=group,
            offsets=Offsets(consumer, Positions(db, group)),
            crashes=CrashLedger(db, group),
            dead_letters=DeadLetters(db, producer, group, limits.dead_letters_per_hour),
            handle_deadline_s=limits.handle_deadline_s,
            told=lifecycle.stopping,
            backoff_max_s=limits.backoff_max_s,
        )
        await _Member(subscriptions, tools, lifecycle, limits).run()


async def _connect(
    brokers: Brokers, group: str, lifecycle: Lifecycle, limits: ConsumerLimits
) -> AIOKafkaConsumer | None:
    """Return a started consumer, however long the broker is away; None if told to stop first."""
    backoff = Backoff(first_s=START_BACKOFF_FIRST_S, limit_s=START_BACKOFF_MAX_S)
    while not lifecycle.stopping.is_set():
        consumer = new_group_member(brokers, group=group, client_id=group, session_timeout_s=limits.session_timeout_s)
        try:
            async with asyncio.timeout(START_DEADLINE_S):
                await consumer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await close_consumer(consumer)
            backoff_s = backoff.failed()
            logger.warning("consumer_waits", group=group, error_class=type(error).__name__, backoff_s=backoff_s)
            await lifecycle.pause(backoff_s)
        except BaseException:
            await close_consumer(consumer)
            raise
        else:
            return consumer
    return None


class _Member(ConsumerRebalanceListener):
    """One member of the group, from joining to leaving."""

    def __init__(
        self, subscriptions: Sequence[Subscription], tools: Tools, lifecycle: Lifecycle, limits: ConsumerLimits
    ) -> None:
        self._by_topic = {topic.name: each for each in subscriptions for topic in each.topics}
        self._tools = tools
        self._lifecycle = lifecycle
        self._limits = limits
        self._work: list[PartitionWork] = []
        self._closing = False
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        self._tools.consumer.subscribe(sorted(self._by_topic), listener=self)
        background = [asyncio.create_task(self._poll()), asyncio.create_task(self._commit_often())]
        for task in background:
            task.add_done_callback(self._watch)
        try:
            await self._until_told()
        finally:
            self._closing = True
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await self._end_work(self._limits.stop_grace_s)
            await close_consumer(self._tools.consumer)
            self._lifecycle.ready = False
        if self._failure.done():
            self._failure.result()

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:  # noqa: ARG002 - it is always all of them
        """End the work on all partitions. aiokafka would log and swallow an error raised here."""
        try:
            await self._end_work(REVOKE_GRACE_S)
        except Exception as error:  # noqa: BLE001 - the main loop raises it
            self._fail(error)

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Start the work. aiokafka sends no heartbeats until this returns, so nothing here may wait."""
        if self._closing:
            return
        logger.info("partitions_assigned", group=self._tools.group, count=len(assigned))
        for partition in assigned:
            subscription = self._by_topic[partition.topic]
            work = PartitionWork(partition, subscription.handle, subscription.records_max, self._tools)
            work.task.add_done_callback(self._watch)
            self._work.append(work)
        self._lifecycle.ready = True

    async def _until_told(self) -> None:
        told = asyncio.create_task(self._lifecycle.stopping.wait())
        waited: set[asyncio.Future[Any]] = {told, self._failure}
        try:
            while not told.done():
                self._lifecycle.beat()
                await asyncio.wait(waited, timeout=BEAT_INTERVAL_S, return_when=asyncio.FIRST_COMPLETED)
                if self._failure.done():
                    self._failure.result()
        finally:
            told.cancel()

    async def _end_work(self, grace_s: float) -> None:
        ending, self._work = self._work, []
        await asyncio.gather(*(work.stop(grace_s) for work in ending))
        await self._tools.offsets.commit()
        self._tools.offsets.forget()

    async def _poll(self) -> None:
        """Keep polling a partition that does not exist: this raises errors of aiokafka's tasks even if nothing is assigned."""
        while True:
            await self._tools.consumer.getmany(_NO_PARTITION, timeout_ms=int(POLL_WAIT_S * 1000))

    async def _commit_often(self) -> None:
        while True:
            await asyncio.sleep(self._limits.commit_interval_s)
            await self._tools.offsets.commit()
            for topic, records in self._tools.offsets.lag().items():
                metrics.CONSUMER_LAG.set(records, topic=topic)

    def _watch(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if not self._failure.done():
            self._failure.set_exception(error)
