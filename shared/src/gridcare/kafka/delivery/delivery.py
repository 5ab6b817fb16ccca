"""One call of the producer: records on their way to their partitions, and what becomes of each.

Partitions do not wait for each other: one without a leader costs only its own records. Within a partition the records
keep their order, and what follows a failure is not sent.
"""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.structs import RecordMetadata

from gridcare.errors import Rejected, Retryable
from gridcare.events import Wire
from gridcare.kafka.delivery.resting import PartitionRests, Resting

Fault = Retryable | Rejected
"""Why a record was not taken: for now, or for good."""

SILENCE_MAX_S = 5.0
"""Once some records are acknowledged, the broker is there: a partition that stays silent for this long has failed."""

WAIT_MAX_S = 0.5

REFUSALS: dict[type[BaseException], str] = {
    MessageSizeTooLargeError: "record-too-large",
    RecordListTooLargeError: "record-too-large",
    InvalidTopicError: "invalid-topic",
    InvalidTimestampError: "invalid-timestamp",
}
"""What a broker never takes, however often it is sent, by the reason that a quarantined record carries."""

Partition = tuple[str, int | None]
"""A topic and a partition's number; None while the topic itself is not known."""

_NOT_IN_TIME = "no acknowledgement in time"
_partition_of = DefaultPartitioner()


class Delivery:
    """The records of one call. `outcomes` has one entry per record, in their order: None if all replicas hold it."""

    def __init__(self, wires: Sequence[Wire], resting: Resting) -> None:
        self.outcomes: list[Fault | None] = [retryable(TimeoutError(_NOT_IN_TIME))] * len(wires)
        self.refused_together: list[list[int]] = []
        """Records that were refused as parts of a larger batch, and those behind them: to be sent one by one."""
        self._wires = wires
        self._resting = resting
        self._waiting = list(range(len(wires)))
        self._partitions: dict[int, Partition] = {}
        self._last_success_s: float | None = None

    def refuse_larger_than(self, limit_bytes: int, sizes_bytes: Sequence[int]) -> None:
        """Refuse the records that are over a limit, so that they are not sent."""
        for index, size_bytes in enumerate(sizes_bytes):
            if size_bytes > limit_bytes:
                self.outcomes[index] = Rejected("record-too-large", f"{self._wires[index].topic}: {size_bytes} bytes")
                self._waiting.remove(index)

    @property
    def disturbed(self) -> bool:
        """Whether the client must be replaced: something that it was given was not acknowledged."""
        return any(self.outcomes[index] is not None for index in self._partitions)

    def fail(self, error: BaseException) -> None:
        """Note that nothing could be sent."""
        for index in self._waiting:
            self.outcomes[index] = retryable(error)

    async def deliver(self, client: AIOKafkaProducer, *, deadline_s: float) -> None:
        """Send everything and wait until each record is acknowledged or has failed, but no longer than `deadline_s`."""
        by_topic: dict[str, list[int]] = {}
        for index in self._waiting:
            by_topic.setdefault(self._wires[index].topic, []).append(index)
        tasks = {asyncio.create_task(self._to_topic(client, topic, part)) for topic, part in by_topic.items()}
        end_s = time.monotonic() + deadline_s
        try:
            pending = tasks
            while pending and (left_s := self._end_s(end_s) - time.monotonic()) > 0:
                _, pending = await asyncio.wait(pending, timeout=min(left_s, WAIT_MAX_S))
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def deliver_one(self, client: AIOKafkaProducer, index: int) -> Fault | None:
        """Send one record and return what became of it. Raises KafkaError or OSError."""
        topic, number = self._partitions[index]
        batch = client.create_batch()
        _append(batch, self._wires[index])
        try:
            await (await client.send_batch(batch, topic, partition=number))
        except (KafkaError, OSError) as error:
            self.outcomes[index] = _fault(error)
        else:
            self.outcomes[index] = None
        return self.outcomes[index]

    def note_rests(self) -> None:
        """Let the partitions rest that failed while others did not, or that were alone.

        If all of several failed, the broker is away, and whoever sends waits for it as a whole.
        """
        by_partition: dict[Partition, list[Fault | None]] = {}
        for index, partition in self._partitions.items():
            by_partition.setdefault(partition, []).append(self.outcomes[index])
        good = [each for each, faults in by_partition.items() if not any(isinstance(f, Retryable) for f in faults)]
        for partition in good:
            self._resting.succeeded(partition)
        if good or len(by_partition) == 1:
            for partition, faults in by_partition.items():
                if partition not in good and not any(isinstance(fault, Rejected) for fault in faults):
                    self._resting.failed(partition)

    def _end_s(self, deadline_s: float) -> float:
        if self._last_success_s is None:
            return deadline_s
        return min(deadline_s, self._last_success_s + SILENCE_MAX_S)

    async def _to_topic(self, client: AIOKafkaProducer, topic: str, indexes: list[int]) -> None:
        if self._resting.rests((topic, None)):
            self._rest(indexes)
            return
        for index in indexes:
            self._partitions[index] = (topic, None)
        try:
            numbers = list(await client.partitions_for(topic))
        except (KafkaError, OSError) as error:
            self._failed(indexes, error)
            return
        by_number: dict[int, list[int]] = {}
        for index in indexes:
            number = _partition_of(self._wires[index].key, numbers, numbers)
            by_number.setdefault(number, []).append(index)
            self._partitions[index] = (topic, number)
        self._resting.succeeded((topic, None))
        await asyncio.gather(*(self._to_partition(client, topic, each, part) for each, part in by_number.items()))

    async def _to_partition(self, client: AIOKafkaProducer, topic: str, number: int, indexes: list[int]) -> None:
        if self._resting.rests((topic, number)):
            self._rest(indexes)
            return
        acknowledgements: list[asyncio.Future[RecordMetadata]] = []
        behind = list(indexes)
        try:
            for batch, part in self._batches(client, indexes):
                acknowledged = await client.send_batch(batch, topic, partition=number)
                behind = behind[len(part) :]
                acknowledged.add_done_callback(partial(self._acknowledged, part))
                acknowledgements.append(acknowledged)
        except (KafkaError, OSError) as error:
            self._failed(behind, error)
        if acknowledgements:
            await asyncio.wait(acknowledgements)
        self._note_refusal(indexes, acknowledgements)

    def _rest(self, indexes: list[int]) -> None:
        for index in indexes:
            self.outcomes[index] = PartitionRests("kafka: the partition rests")
            self._partitions.pop(index, None)  # nothing was tried

    def _batches(self, client: AIOKafkaProducer, indexes: list[int]) -> "list[tuple[object, list[int]]]":
        """Return batches built here: this costs a seventh of calling `send` for each record."""
        batches: list[tuple[object, list[int]]] = []
        batch = client.create_batch()
        part: list[int] = []
        for index in indexes:
            if not _append(batch, self._wires[index]):
                batches.append((batch, part))
                batch, part = client.create_batch(), []
                _append(batch, self._wires[index])
            part.append(index)
        return [*batches, (batch, part)]

    def _acknowledged(self, part: list[int], acknowledged: "asyncio.Future[RecordMetadata]") -> None:
        if acknowledged.cancelled():
            return
        error = acknowledged.exception()  # retrieved even if nobody waits any more, or asyncio would complain
        if error is not None:
            self._failed(part, error)
            return
        self._last_success_s = time.monotonic()
        for index in part:
            self.outcomes[index] = None

    def _failed(self, part: list[int], error: BaseException) -> None:
        for index in part:
            self.outcomes[index] = _fault(error)

    def _note_refusal(self, indexes: list[int], acknowledgements: "list[asyncio.Future[RecordMetadata]]") -> None:
        """Find a batch that was refused as a whole: only sending its records one by one tells which was meant."""
        left = [index for index in indexes if self.outcomes[index] is not None]
        refused = [index for index in left if isinstance(self.outcomes[index], Rejected)]
        if len(refused) > 1 and acknowledgements:
            self.refused_together.append(left)
            for index in left:
                self.outcomes[index] = Retryable("kafka: refused together with others")


def retryable(error: BaseException) -> Retryable:
    """Return the Retryable that an error of the broker or the connection means."""
    fault = Retryable(f"kafka: {type(error).__name__}")
    fault.__cause__ = error
    return fault


def _fault(error: BaseException) -> Fault:
    reason = REFUSALS.get(type(error))
    if reason is None:
        return retryable(error)
    fault = Rejected(reason, "refused by the broker")
    fault.__cause__ = error
    return fault


def _append(batch: Any, wire: Wire) -> bool:
    """Add a record to a batch. Return False if there is no room for it."""
    return batch.append(timestamp=None, key=wire.key, value=wire.value, headers=wire.headers) is not None
