"""Helpers for tests with a real broker: events to send, a consumer to run in a test, records to inspect."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.structs import TopicPartition

from gridcare.errors import Retryable
from gridcare.events import Envelope, Topic, Wire, encode, type_name
from gridcare.events.notices import BatchPlanned
from gridcare.kafka.brokers import Brokers
from gridcare.kafka.clients import close_consumer, new_reader
from gridcare.kafka.consume import ConsumerLimits, Subscription, run_consumer
from gridcare.kafka.dead_letters.dead_letter import Record
from gridcare.kafka.produce import Producer
from gridcare.postgres.database import Database
from gridcare.process.lifecycle import Lifecycle
from gridcare.testing.waiting import POLL_INTERVAL_S
from gridcare.values.ids import uuid7

QUICK = ConsumerLimits(session_timeout_s=6, commit_interval_s=0.05, stop_grace_s=5, backoff_max_s=0.3)
"""The shortest session that the broker allows, and back-offs that a test can wait for."""


def hint(number: int = 1, *, batch_id: UUID | None = None, traceparent: str | None = None) -> Envelope:
    """Return an event: the `number`th hint of a batch."""
    event = BatchPlanned(version=number, batch_id=batch_id or uuid4(), channel="sms", lane="bulk")
    now = datetime.now(UTC)
    return Envelope(uuid7(now), "/gridcare/tests", type_name(BatchPlanned), now, event.key, number, traceparent, event)


def wires(topic: Topic, envelopes: Sequence[Envelope]) -> list[Wire]:
    """Return the records that carry events on `topic`."""
    return [encode(envelope, topic=topic) for envelope in envelopes]


def poison(topic: Topic, key: bytes = b"poison") -> Wire:
    """Return a record that is not an event."""
    return Wire(topic.name, key, b"\xff not json", [("ce_specversion", b"1.0")])


class Seen:
    """A handler that remembers what it received."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []

    async def __call__(self, envelopes: Sequence[Envelope]) -> None:
        self.calls.append([envelope.version for envelope in envelopes])

    @property
    def numbers(self) -> list[int]:
        """The version of every event, in the order handled."""
        return [number for call in self.calls for number in call]


@dataclass
class Consuming:
    """A running consumer; `stop` ends it as SIGTERM would and raises what it died of."""

    lifecycle: Lifecycle
    task: "asyncio.Task[None]" = field(repr=False)

    async def stop(self) -> None:
        self.lifecycle.stop()
        await self.task


def start_consumer(
    brokers: Brokers,
    db: Database,
    *subscriptions: Subscription,
    group: str,
    limits: ConsumerLimits = QUICK,
) -> Consuming:
    """Start a member of `group` in this event loop."""
    lifecycle = Lifecycle()
    task = asyncio.create_task(
        run_consumer(
            brokers=brokers, group=group, subscriptions=subscriptions, db=db, lifecycle=lifecycle, limits=limits
        )
    )
    return Consuming(lifecycle, task)


@asynccontextmanager
async def consuming(
    brokers: Brokers,
    db: Database,
    *subscriptions: Subscription,
    group: str,
    limits: ConsumerLimits = QUICK,
) -> AsyncIterator[Consuming]:
    """Run a member of `group` for the duration of the block, then stop it. Raises what it died of."""
    running = start_consumer(brokers, db, *subscriptions, group=group, limits=limits)
    try:
        yield running
    finally:
        await running.stop()


async def goes_through(producer: Producer, records: Sequence[Wire]) -> bool:
    """Return whether the broker took these records within the producer's deadline."""
    try:
        await producer.send_batch(records)
    except Retryable:
        return False
    return True


async def read_all(brokers: Brokers, topic: str) -> list[Record]:
    """Return every record that a topic holds now, partition by partition."""
    reader = new_reader(brokers, client_id="tests")
    try:
        await reader.start()
        partitions = [TopicPartition(topic, number) for number in sorted(await _partitions(reader, topic))]
        reader.assign(partitions)
        ends = await reader.end_offsets(partitions)
        records: list[Record] = []
        for partition in partitions:
            await reader.seek_to_beginning(partition)
            while await reader.position(partition) < ends[partition]:
                fetched = await reader.getmany(partition, timeout_ms=5_000)
                records += fetched.get(partition, [])
        return records
    finally:
        await close_consumer(reader)


async def committed(brokers: Brokers, group: str, topic: Topic) -> int:
    """Return the sum of the offsets that a group has committed on a topic, that is, how many records it is done with."""
    from gridcare.kafka.admin import new_admin  # noqa: PLC0415 - importing it emits warnings

    admin = new_admin(brokers)
    try:
        await admin.start()
        while True:
            try:
                offsets = await admin.list_consumer_group_offsets(group)
                break
            except GroupCoordinatorNotAvailableError:  # a new broker is still making the topic of offsets
                await asyncio.sleep(POLL_INTERVAL_S)
        return sum(max(each.offset, 0) for partition, each in offsets.items() if partition.topic == topic.name)
    finally:
        await admin.close()


async def _partitions(reader: object, topic: str) -> set[int]:
    partitions: set[int] = await reader._client._wait_on_metadata(topic)  # type: ignore[attr-defined]  # noqa: SLF001 - none is public
    return partitions
