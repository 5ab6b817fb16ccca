"""Opens and closes aiokafka's clients within limits: their own `stop` may wait for a broker forever.

Private attributes of aiokafka 0.14 are used in this file only.
"""

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from gridcare.kafka.brokers import Brokers
from gridcare.observability.logging import get_logger

CLOSE_GRACE_S = 5.0
REQUEST_TIMEOUT_S = 10
"""The limit for one request to a broker, and for a broker to wait for its replicas."""

REBALANCE_TIMEOUT_MIN_S = 30.0
"""How long the group waits for a member to finish the records that it is handling."""

METADATA_MAX_AGE_S = 30
"""A consumer notices a topic that was created after it started within this time."""

BATCH_SIZE_MAX_BYTES = 256 * 1024
FETCH_SIZE_MAX_BYTES = 2 * 1024 * 1024
"""A partition's share of one fetch; larger than any record, dead letters included."""

MAX_POLL_INTERVAL_S = 24 * 3600
"""Not relied on: each partition's work has its own deadline, and the liveness probe watches the loop."""

logger = get_logger()


def new_producer(brokers: Brokers, *, client_id: str, request_size_max_bytes: int) -> AIOKafkaProducer:
    """Return an idempotent producer, not yet started. Every default that could lose or reorder records is overridden."""
    return AIOKafkaProducer(
        **brokers.options(),
        client_id=client_id,
        acks="all",
        enable_idempotence=True,
        request_timeout_ms=REQUEST_TIMEOUT_S * 1000,
        max_batch_size=BATCH_SIZE_MAX_BYTES,
        max_request_size=request_size_max_bytes,
        metadata_max_age_ms=METADATA_MAX_AGE_S * 1000,
        linger_ms=0,
    )


def new_group_member(brokers: Brokers, *, group: str, client_id: str, session_timeout_s: float) -> AIOKafkaConsumer:
    """Return a member of a consumer group, neither started nor subscribed.

    It has one assignor only: with two, aiokafka sends an extra JoinGroup (tried).
    """
    rebalance_timeout_s = max(REBALANCE_TIMEOUT_MIN_S, session_timeout_s)
    return AIOKafkaConsumer(
        **brokers.options(),
        client_id=client_id,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=int(session_timeout_s * 1000),
        heartbeat_interval_ms=int(session_timeout_s * 1000 / 15),
        rebalance_timeout_ms=int(rebalance_timeout_s * 1000),
        max_poll_interval_ms=MAX_POLL_INTERVAL_S * 1000,
        request_timeout_ms=int((rebalance_timeout_s + 5) * 1000),  # a JoinGroup is answered once the others have joined
        max_partition_fetch_bytes=FETCH_SIZE_MAX_BYTES,
        metadata_max_age_ms=METADATA_MAX_AGE_S * 1000,
        partition_assignment_strategy=(RangePartitionAssignor,),
    )


def new_reader(brokers: Brokers, *, client_id: str) -> AIOKafkaConsumer:
    """Return a consumer without a group, which reads the partitions that it is assigned and commits nothing."""
    return AIOKafkaConsumer(
        **brokers.options(),
        client_id=client_id,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        request_timeout_ms=REQUEST_TIMEOUT_S * 1000,
        max_partition_fetch_bytes=FETCH_SIZE_MAX_BYTES,
    )


async def close_producer(producer: AIOKafkaProducer, *, grace_s: float = CLOSE_GRACE_S) -> None:
    """Flush and close, giving up what is not acknowledged within `grace_s`; whoever waits for it has a deadline.

    An idempotent producer never gives up a record by itself, so its `stop` waits for as long as the broker is silent, and
    it cannot be cancelled without leaving a task behind.
    """
    flushed = False
    try:
        async with asyncio.timeout(grace_s):
            await producer.flush()
            flushed = True
            await producer.stop()
    except Exception as error:  # noqa: BLE001 - whatever the sender died of, its connections must be closed
        logger.info("producer_abandoned", error_class=type(error).__name__)
    finally:
        if not (flushed and producer._closed):  # noqa: SLF001 - no public way
            await _abandon(producer)


async def _abandon(producer: AIOKafkaProducer) -> None:
    """End the sender's task and its requests under way, whatever the broker does."""
    producer._closed = True  # noqa: SLF001 - it is, and would warn otherwise
    sender = producer._sender.sender_task  # noqa: SLF001 - no public way
    if sender is not None:
        sender.cancel()
    await producer.client.close()
    while sender is not None and not sender.done():
        metadata = producer.client._md_update_fut  # noqa: SLF001 - failed requests wait for metadata that never arrives
        if metadata is not None and not metadata.done():
            metadata.set_result(False)
        await asyncio.wait({sender}, timeout=0.1)
    await producer.client.close()  # the sender may have connected again


async def close_consumer(consumer: AIOKafkaConsumer, *, grace_s: float = CLOSE_GRACE_S) -> None:
    """Leave the group and close within about `grace_s`; a silent broker notices when the session expires.

    aiokafka's `stop` runs in its own task: when it cancels a fetch that is waiting to retry, the cancellation escapes as
    if the caller had been cancelled, and the rest is left undone.
    """
    stopping = asyncio.create_task(consumer.stop())
    try:
        await asyncio.wait({stopping}, timeout=grace_s)
    finally:
        (error,) = await _end(stopping)
        if error is not None:
            logger.info("consumer_abandoned", error_class=type(error).__name__)
        if consumer._fetcher is not None:  # noqa: SLF001 - no public way
            await _end(consumer._fetcher._fetch_task, *consumer._fetcher._pending_tasks)  # noqa: SLF001 - no public way
        await consumer._client.close()  # noqa: SLF001 - no public way


async def _end(*tasks: asyncio.Task[None]) -> list[BaseException | None]:
    """Cancel the tasks, wait until they have ended, and return what each ended with."""
    for task in tasks:
        task.cancel()
    return await asyncio.gather(*tasks, return_exceptions=True)
