"""Lists dead letters and publishes them again: the core of the operational command `dead-letters`.

A replayed record keeps its event id and goes to its original topic, with a header that names the consumer group that put
it aside; other groups skip it. Each dead letter is replayed once, which an audit row records; if that row were lost, the
event id would still keep it from being applied twice.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from gridcare.errors import Retryable
from gridcare.events import Wire
from gridcare.events.topics import dead_letter_topic
from gridcare.kafka.brokers import Brokers
from gridcare.kafka.clients import close_consumer, new_reader
from gridcare.kafka.dead_letters import dead_letter as headers
from gridcare.kafka.dead_letters.dead_letter import Record, event_id_of, original_headers
from gridcare.kafka.produce import Producer
from gridcare.observability.logging import get_logger
from gridcare.postgres.database import Database

LIMIT = 1_000
RATE_PER_S = 50.0
READ_DEADLINE_S = 60.0
"""The longest wait for the next record; a broker that is silent for longer is away."""

_REPLAYED = """
SELECT 1 FROM dead_letter_replay WHERE consumer_group = $1 AND topic = $2 AND partition = $3 AND "offset" = $4
"""
_NOTE = """
INSERT INTO dead_letter_replay (consumer_group, topic, partition, "offset", event_id, actor) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
"""

logger = get_logger()


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record of a dead-letter topic: where it was, which group put it aside and why, and the record to publish again."""

    group: str
    topic: str
    partition: int
    offset: int
    reason: str
    error_class: str
    event_id: UUID | None
    event_type: str
    dead_lettered_at: datetime
    wire: Wire


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did: how many dead letters matched, were published now, and had been published before."""

    matched: int
    published: int
    skipped: int


async def dead_letters(
    brokers: Brokers, topic: str, *, group: str | None = None, reason: str | None = None, limit: int | None = None
) -> AsyncGenerator[DeadLetter, None]:
    """Yield the dead letters of `topic` that are there now and match, oldest first, and at most `limit` if it is given.

    Raises Retryable if the broker cannot be read.
    """
    matched = 0
    try:
        async for record in _read_all(brokers, dead_letter_topic(topic)):
            letter = _parse(record)
            if letter is None or group not in {None, letter.group} or reason not in {None, letter.reason}:
                continue
            yield letter
            matched += 1
            if matched == limit:
                return
    except (KafkaError, OSError, TimeoutError) as error:
        raise Retryable(f"kafka: {type(error).__name__}") from error


async def replay(
    *,
    brokers: Brokers,
    db: Database,
    producer: Producer,
    topic: str,
    group: str,
    actor: str,
    reason: str | None = None,
    limit: int = LIMIT,
    rate_per_s: float = RATE_PER_S,
    dry_run: bool = False,
) -> Replayed:
    """Publish the dead letters of `group` on `topic` again, oldest first, at most `limit` and at most `rate_per_s`.

    Those that were published before do not count towards `limit`: the next run goes on where the last one ended. `actor`
    is who requested it, for the audit. With `dry_run` they are only counted. Raises Retryable, after which it can simply be
    run again.
    """
    matched = published = 0
    async with aclosing(dead_letters(brokers, topic, group=group, reason=reason)) as letters:
        async for letter in letters:
            matched += 1
            position = (letter.group, letter.topic, letter.partition, letter.offset)
            async with db.read() as connection:
                if await connection.fetchval(_REPLAYED, *position):
                    continue
            published += 1
            if not dry_run:
                await producer.send_batch([letter.wire])
                async with db.transaction() as tx:
                    await tx.execute(_NOTE, *position, letter.event_id, actor)
                await asyncio.sleep(1 / rate_per_s)
            if published == limit:
                break
    logger.info("dead_letters_replayed", topic=topic, group=group, total=matched, done=published, dry_run=dry_run)
    return Replayed(matched, published, matched - published)


async def _read_all(brokers: Brokers, topic: str) -> AsyncIterator[Record]:
    reader = new_reader(brokers, client_id="dead-letters")
    try:
        async with asyncio.timeout(READ_DEADLINE_S):
            await reader.start()
            partitions = [TopicPartition(topic, number) for number in await _partitions(reader, topic)]
            reader.assign(partitions)
            await reader.seek_to_beginning(*partitions)
            ends = await reader.end_offsets(partitions)
        while remaining := [each for each in partitions if await reader.position(each) < ends[each]]:
            fetched = await _next(reader, remaining)
            for partition, records in fetched.items():
                for record in records:
                    if record.offset < ends[partition]:
                        yield record
    finally:
        await close_consumer(reader)


async def _partitions(reader: AIOKafkaConsumer, topic: str) -> list[int]:
    await reader.topics()
    partitions: set[int] = await reader._client._wait_on_metadata(topic)  # noqa: SLF001 - the public call knows no topic yet
    return sorted(partitions)


async def _next(reader: AIOKafkaConsumer, partitions: list[TopicPartition]) -> dict[TopicPartition, list[Record]]:
    fetched: dict[TopicPartition, list[Record]] = await reader.getmany(
        *partitions, timeout_ms=int(READ_DEADLINE_S * 1000), max_records=500
    )
    if not fetched:
        raise TimeoutError
    return fetched


def _parse(record: Record) -> DeadLetter | None:
    """Return the dead letter that a record is, or None if it is something else that another tool wrote."""
    values = {name: value or b"" for name, value in record.headers}
    try:
        topic = values[headers.ORIGINAL_TOPIC].decode()
        group = values[headers.ORIGINAL_GROUP].decode()
        partition = int.from_bytes(values[headers.ORIGINAL_PARTITION], "big")
        offset = int.from_bytes(values[headers.ORIGINAL_OFFSET], "big")
        reason = values[headers.EXCEPTION_MESSAGE].decode()
        error_class = values[headers.EXCEPTION_CLASS].decode()
        event_type = values.get("ce_type", b"").decode()
    except (KeyError, ValueError):
        return None
    again = [*original_headers(record.headers), (headers.REPLAY_FOR, group.encode())]
    return DeadLetter(
        group=group,
        topic=topic,
        partition=partition,
        offset=offset,
        reason=reason,
        error_class=error_class,
        event_id=event_id_of(record.headers),
        event_type=event_type,
        dead_lettered_at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        wire=Wire(topic, record.key or b"", record.value, again),
    )
