"""The producer: idempotent, acknowledged by all replicas, never waiting forever, replaced after a fatal error."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from gridcare.errors import Rejected, Retryable
from gridcare.events import Wire
from gridcare.kafka.brokers import Brokers
from gridcare.kafka.clients import close_producer, new_producer
from gridcare.kafka.delivery.delivery import Delivery, Fault
from gridcare.kafka.delivery.resting import Resting
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from gridcare.postgres.outbox import RECORD_SIZE_MAX_BYTES, size_bytes

SEND_DEADLINE_S = 30.0
"""The limit for one call: connecting, if necessary, and all acknowledgements."""

CLOSE_GRACE_S = 5.0

logger = get_logger()


class Producer:
    """Sends records. It connects on the first send and can be shared by the tasks of one event loop.

    A batch that the broker refuses for good leaves a gap in the idempotent sequence, after which every later batch of that
    partition fails (aiokafka#1017), and a batch that was not acknowledged in time is retried forever. So after any error
    the client is discarded and the next send makes a new one.
    """

    def __init__(
        self,
        brokers: Brokers,
        *,
        client_id: str,
        send_deadline_s: float = SEND_DEADLINE_S,
        record_size_max_bytes: int = RECORD_SIZE_MAX_BYTES,
    ) -> None:
        self._brokers = brokers
        self._client_id = client_id
        self._send_deadline_s = send_deadline_s
        self._record_size_max_bytes = record_size_max_bytes
        self._client: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()
        self._resting = Resting()

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

        Raises Rejected, before anything is sent if a record is larger than the producer's own limit, and Retryable for
        any error that may pass: some records may have been written, so send all of them again with the same event ids.
        """
        for wire in wires:
            if size_bytes(wire) > self._record_size_max_bytes:
                raise Rejected("record-too-large", f"{wire.topic}: {size_bytes(wire)} bytes")
        faults = [fault for fault in await self.send_each(wires) if fault is not None]
        for fault in sorted(faults, key=lambda each: isinstance(each, Retryable)):
            raise fault

    async def send_each(self, wires: Sequence[Wire]) -> list[Fault | None]:
        """Send records and return what became of each, in their order: None if all replicas hold it.

        A Retryable may have been written all the same, so send it again with the same event id, before anything else of
        its key; a Rejected is never taken. A partition that fails does not hold up the others, and rests for a while.
        """
        if not wires:
            return []
        began_s = time.monotonic()
        delivery = Delivery(wires, self._resting)
        delivery.refuse_larger_than(self._record_size_max_bytes, [size_bytes(wire) for wire in wires])
        client: AIOKafkaProducer | None = None
        try:
            async with asyncio.timeout(self._send_deadline_s):
                client = await self._connected()
            await delivery.deliver(client, deadline_s=began_s + self._send_deadline_s - time.monotonic())
        except (KafkaError, TimeoutError, OSError) as error:
            delivery.fail(error)
        if client is not None and delivery.disturbed:
            self._replace(client)
        await self._send_singly(delivery, deadline_s=began_s + self._send_deadline_s - time.monotonic())
        delivery.note_rests()
        self._count(wires, delivery.outcomes)
        return delivery.outcomes

    async def _send_singly(self, delivery: Delivery, *, deadline_s: float) -> None:
        """Send the records of refused batches one by one, so that only what is refused by itself counts as refused."""
        try:
            async with asyncio.timeout(deadline_s):
                for indexes in delivery.refused_together:
                    for index in indexes:
                        client = await self._connected()
                        fault = await delivery.deliver_one(client, index)
                        if fault is not None:
                            self._replace(client)
                        if isinstance(fault, Retryable):
                            break
        except (KafkaError, TimeoutError, OSError) as error:
            logger.info("records_not_sent_singly", error_class=type(error).__name__)

    def _replace(self, client: AIOKafkaProducer) -> None:
        metrics.KAFKA_PRODUCERS_REPLACED.inc()
        self._throw_away(client)

    def _count(self, wires: Sequence[Wire], outcomes: Sequence[Fault | None]) -> None:
        if any(fault is not None and isinstance(fault.__cause__, TimeoutError) for fault in outcomes):
            metrics.KAFKA_SEND_TIMEOUTS.inc()
        taken = Counter(wire.topic for wire, fault in zip(wires, outcomes, strict=True) if fault is None)
        for topic, count in taken.items():
            metrics.KAFKA_RECORDS_SENT.inc(count, topic=topic)

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._client is None:
                client = new_producer(
                    self._brokers,
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
