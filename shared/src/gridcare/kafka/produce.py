"""The producer: idempotent, acknowledged by all replicas, never waiting forever, replaced after a fatal error."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.structs import RecordMetadata

from gridcare.errors import Rejected, Retryable
from gridcare.events import Wire
from gridcare.kafka.clients import close_producer, new_producer
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from gridcare.postgres.outbox import RECORD_SIZE_MAX_BYTES, size_bytes

SEND_DEADLINE_S = 30.0
"""The limit for one call: connecting, if necessary, and all acknowledgements."""

CLOSE_GRACE_S = 5.0

logger = get_logger()
_partition_of = DefaultPartitioner()


class Producer:
    """Sends records. It connects on the first send and can be shared by the tasks of one event loop.

    A batch that the broker refuses for good leaves a gap in the idempotent sequence, after which every later batch of that
    partition fails (aiokafka#1017), and a batch that was not acknowledged in time is retried forever. So after any error
    the client is discarded and the next send makes a new one.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        client_id: str,
        send_deadline_s: float = SEND_DEADLINE_S,
        record_size_max_bytes: int = RECORD_SIZE_MAX_BYTES,
    ) -> None:
        self._bootstrap = bootstrap
        self._client_id = client_id
        self._send_deadline_s = send_deadline_s
        self._record_size_max_bytes = record_size_max_bytes
        self._client: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._throw_away(self._client)
        while self._closing:
            await asyncio.wait(self._closing)

    async def send_batch(self, wires: Sequence[Wire]) -> None:
        """Send records and wait until all replicas hold every one; records of the same key keep their order.

        Raises Rejected `record-too-large`, before anything is sent or if the topic's own limit is lower, and Retryable for
        any other error: some records may have been written, so send all of them again with the same event ids.
        """
        for wire in wires:
            if size_bytes(wire) > self._record_size_max_bytes:
                raise Rejected("record-too-large", f"{wire.topic}: {size_bytes(wire)} bytes")
        if not wires:
            return
        client: AIOKafkaProducer | None = None
        try:
            async with asyncio.timeout(self._send_deadline_s):
                client = await self._connected()
                await _deliver(client, wires)
        except (KafkaError, TimeoutError, OSError) as error:
            if client is not None:
                metrics.KAFKA_PRODUCERS_REPLACED.inc()
                self._throw_away(client)
            if isinstance(error, MessageSizeTooLargeError):
                raise Rejected("record-too-large", "the topic's limit is lower") from error
            if isinstance(error, TimeoutError):
                metrics.KAFKA_SEND_TIMEOUTS.inc()
            raise Retryable(f"kafka: {type(error).__name__}") from error
        for topic, count in Counter(wire.topic for wire in wires).items():
            metrics.KAFKA_RECORDS_SENT.inc(count, topic=topic)

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._client is None:
                client = new_producer(
                    self._bootstrap,
                    client_id=self._client_id,
                    request_size_max_bytes=2 * max(self._record_size_max_bytes, RECORD_SIZE_MAX_BYTES),
                )
                try:
                    await client.start()
                except BaseException:
                    await close_producer(client, grace_s=CLOSE_GRACE_S)  # otherwise it leaks its connections and warns
                    raise
                self._client = client
            return self._client

    def _throw_away(self, client: AIOKafkaProducer) -> None:
        """Close a client in the background; other tasks' sends that are under way on it end as Retryable at the latest."""
        if self._client is not client:
            return  # another task's send failed first
        self._client = None
        task = asyncio.create_task(close_producer(client, grace_s=CLOSE_GRACE_S))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _deliver(client: AIOKafkaProducer, wires: Sequence[Wire]) -> None:
    """Send in batches built here, one series per partition: this costs a seventh of calling `send` for each record."""
    partitions = {topic: list(await client.partitions_for(topic)) for topic in {wire.topic for wire in wires}}
    by_partition: dict[tuple[str, int], list[Wire]] = {}
    for wire in wires:
        known = partitions[wire.topic]
        by_partition.setdefault((wire.topic, _partition_of(wire.key, known, known)), []).append(wire)
    results = await asyncio.gather(
        *(_deliver_in_order(client, topic, partition, part) for (topic, partition), part in by_partition.items()),
        return_exceptions=True,
    )
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def _deliver_in_order(client: AIOKafkaProducer, topic: str, partition: int, wires: Sequence[Wire]) -> None:
    acknowledgements: list[asyncio.Future[RecordMetadata]] = []
    batch = client.create_batch()
    for wire in wires:
        if batch.append(timestamp=None, key=wire.key, value=wire.value, headers=wire.headers) is None:
            acknowledgements.append(await _submit(client, batch, topic, partition))
            batch = client.create_batch()
            batch.append(timestamp=None, key=wire.key, value=wire.value, headers=wire.headers)
    acknowledgements.append(await _submit(client, batch, topic, partition))
    for result in await asyncio.gather(*acknowledgements, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


async def _submit(
    client: AIOKafkaProducer, batch: object, topic: str, partition: int
) -> "asyncio.Future[RecordMetadata]":
    acknowledged: asyncio.Future[RecordMetadata] = await client.send_batch(batch, topic, partition=partition)
    acknowledged.add_done_callback(_look_at)
    return acknowledged


def _look_at(acknowledged: "asyncio.Future[RecordMetadata]") -> None:
    """Retrieve an error that nobody may be waiting for any more, so that asyncio does not report it as never retrieved."""
    if not acknowledged.cancelled():
        acknowledged.exception()
