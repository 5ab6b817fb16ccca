"""Dead letters: the original record on `<topic>.dlq`, with headers that say where it was and why it was put aside.

Header names and encodings are Spring Kafka's (numbers as big-endian integers), so other tools understand them. An error
is described by class and reason code only, since its message could quote the record.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

from aiokafka.structs import ConsumerRecord

from gridcare.errors import GridcareError
from gridcare.events import Wire
from gridcare.events.topics import dead_letter_topic
from gridcare.kafka.fate import reason_of
from gridcare.kafka.produce import Producer
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from gridcare.postgres.database import Connection, Database

LIMIT_PER_HOUR = 100
"""More bad records than this mean a bad deployment: the consumer stops until somebody has looked."""

KEPT_DAYS = 35
"""As long as the inbox: longer than any topic keeps a record, dead letters included."""

PREFIX: Final = "kafka_dlt-"
ORIGINAL_TOPIC: Final = PREFIX + "original-topic"
ORIGINAL_PARTITION: Final = PREFIX + "original-partition"
ORIGINAL_OFFSET: Final = PREFIX + "original-offset"
ORIGINAL_TIMESTAMP: Final = PREFIX + "original-timestamp"
ORIGINAL_TIMESTAMP_TYPE: Final = PREFIX + "original-timestamp-type"
ORIGINAL_GROUP: Final = PREFIX + "original-consumer-group"
EXCEPTION_CLASS: Final = PREFIX + "exception-fqcn"
EXCEPTION_CAUSE_CLASS: Final = PREFIX + "exception-cause-fqcn"
EXCEPTION_MESSAGE: Final = PREFIX + "exception-message"
REPLAY_FOR: Final = "replay-for"
"""Header that names the one consumer group a replayed record is for; every other group skips the record."""

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('dead-letter:' || $1, 0))"
_RESERVE = """
INSERT INTO dead_letter (consumer_group, topic, partition, "offset", reason, event_id) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
"""
_IS_PUBLISHED = """
SELECT published_at IS NOT NULL FROM dead_letter
WHERE consumer_group = $1 AND topic = $2 AND partition = $3 AND "offset" = $4
"""
_COUNT = """
SELECT count(*) FROM dead_letter WHERE consumer_group = $1 AND dead_lettered_at > clock_timestamp() - interval '1 hour'
"""
_PUBLISHED = """
UPDATE dead_letter SET published_at = clock_timestamp()
WHERE consumer_group = $1 AND topic = $2 AND partition = $3 AND "offset" = $4
"""
_FORGET = """
DELETE FROM dead_letter WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM dead_letter WHERE dead_lettered_at < clock_timestamp() - make_interval(days => $1) LIMIT $2))
"""

Record = ConsumerRecord[bytes, bytes]

logger = get_logger()


class DeadLetterLimitReached(GridcareError):
    """The consumer group put too many records aside within an hour; it stops until somebody has looked."""


@dataclass(frozen=True, slots=True)
class Why:
    """Why a record is put aside: a stable code and the classes of the errors, never a message."""

    reason: str
    error_class: str
    cause_class: str | None = None

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """Return the reason for an error that handling raised."""
        cause = error.__cause__
        return cls(reason_of(error), _class_of(error), None if cause is None else _class_of(cause))


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The dead letters of one consumer group."""

    db: Database
    producer: Producer
    group: str
    limit_per_hour: int = LIMIT_PER_HOUR

    async def put(self, record: Record, why: Why) -> None:
        """Put a record aside; when this returns, all replicas of the dead-letter topic hold it. Idempotent.

        Raises DeadLetterLimitReached, in which case nothing was put aside, and Retryable.
        """
        if not await self._reserve(record, why.reason):
            return
        await self.producer.send_batch([dead_letter_of(record, why, group=self.group)])
        async with self.db.transaction() as tx:
            await tx.execute(_PUBLISHED, self.group, record.topic, record.partition, record.offset)
        metrics.DEAD_LETTERS.inc(topic=record.topic, reason=why.reason)
        logger.warning(
            "dead_lettered",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            group=self.group,
            reason=why.reason,
            error_class=why.error_class.rpartition(".")[2],
        )

    async def _reserve(self, record: Record, reason: str) -> bool:
        """Claim the record's row and its share of the limit. Return False if it was already published."""
        position = (self.group, record.topic, record.partition, record.offset)
        async with self.db.transaction() as tx:
            await tx.execute(_LOCK, self.group)
            reserved = await tx.execute(_RESERVE, *position, reason, event_id_of(record.headers))
            if reserved == "INSERT 0 0":
                return not await tx.fetchval(_IS_PUBLISHED, *position)
            if await tx.fetchval(_COUNT, self.group) > self.limit_per_hour:
                raise DeadLetterLimitReached(f"{self.group}: more than {self.limit_per_hour} dead letters an hour")
        return True


def dead_letter_of(record: Record, why: Why, *, group: str) -> Wire:
    """Return the dead letter of a record: its key, value and headers unchanged, plus headers that say why."""
    headers = [*original_headers(record.headers)]
    headers += [
        (ORIGINAL_TOPIC, record.topic.encode()),
        (ORIGINAL_PARTITION, record.partition.to_bytes(4, "big")),
        (ORIGINAL_OFFSET, record.offset.to_bytes(8, "big")),
        (ORIGINAL_TIMESTAMP, record.timestamp.to_bytes(8, "big", signed=True)),
        (ORIGINAL_TIMESTAMP_TYPE, b"LogAppendTime" if record.timestamp_type else b"CreateTime"),
        (ORIGINAL_GROUP, group.encode()),
        (EXCEPTION_CLASS, why.error_class.encode()),
        (EXCEPTION_MESSAGE, why.reason.encode()),
    ]
    if why.cause_class is not None:
        headers.append((EXCEPTION_CAUSE_CLASS, why.cause_class.encode()))
    key = record.key if record.key is not None else b""
    return Wire(dead_letter_topic(record.topic), key, record.value, headers)


def is_for_another(record: Record, group: str) -> bool:
    """Return whether a record was replayed for a group other than this one."""
    return any(name == REPLAY_FOR and value != group.encode() for name, value in record.headers)


def original_headers(headers: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return a record's headers without those that an earlier dead letter or replay added; a null value becomes empty."""
    return [(name, value or b"") for name, value in headers if not name.startswith(PREFIX) and name != REPLAY_FOR]


def event_id_of(headers: Sequence[tuple[str, bytes]]) -> UUID | None:
    """Return the record's `ce_id`, or None if it has no readable one."""
    for name, value in headers:
        if name == "ce_id":
            with contextlib.suppress(ValueError):
                return UUID((value or b"").decode())
    return None


async def forget(tx: Connection, *, limit: int, kept_days: int = KEPT_DAYS) -> int:
    """Delete the rows of dead letters that no topic holds any more, at most `limit`, and return their number."""
    tag: str = await tx.execute(_FORGET, kept_days, limit)
    return int(tag.split()[1])


def _class_of(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"
