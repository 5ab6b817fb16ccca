"""How often the process died in the handling of a record: counted in PostgreSQL, so that it outlives the process.

A row is written before a record that could be the culprit is handled and deleted after: a process that is killed (out of
memory, kill -9) cannot count, so the count is taken first. Written are the first records after each assignment, since
those are what a restarted process meets first, and every record that such a row points at.
"""

from dataclasses import dataclass

from aiokafka.structs import TopicPartition

from gridcare.postgres.database import Database

CRASHES_MAX = 5
"""One record may crash the process this often; then it is a dead letter with the reason `bug`."""

KILLED = "killed"
"""The process could not say what it died of."""

_SUSPECTED_UNTIL = """
SELECT max(until_offset) FROM consumer_crash WHERE consumer_group = $1 AND topic = $2 AND partition = $3
"""
_BEGIN = """
INSERT INTO consumer_crash AS known (consumer_group, topic, partition, "offset", until_offset, crashes)
VALUES ($1, $2, $3, $4, $5, 1)
ON CONFLICT (consumer_group, topic, partition, "offset") DO UPDATE
SET crashes = known.crashes + 1, until_offset = excluded.until_offset, updated_at = clock_timestamp()
RETURNING crashes, error_class
"""
_NAME_ERROR = """
UPDATE consumer_crash SET error_class = $5 WHERE consumer_group = $1 AND topic = $2 AND partition = $3 AND "offset" = $4
"""
_UNDO = """
UPDATE consumer_crash SET crashes = crashes - 1
WHERE consumer_group = $1 AND topic = $2 AND partition = $3 AND "offset" = $4 AND crashes > 1
"""
_UNDO_FIRST = """
DELETE FROM consumer_crash
WHERE consumer_group = $1 AND topic = $2 AND partition = $3 AND "offset" = $4 AND crashes = 1
"""
_END = """
DELETE FROM consumer_crash WHERE consumer_group = $1 AND topic = $2 AND partition = $3 AND "offset" BETWEEN $4 AND $5
"""


@dataclass(frozen=True, slots=True)
class Crashes:
    """How often the process died on a record, the handling that begins now included, and of what it died last."""

    count: int
    error_class: str


@dataclass(frozen=True, slots=True)
class CrashLedger:
    """The counts of one consumer group. Every method raises Retryable while the database is away."""

    db: Database
    group: str

    async def suspected_until(self, partition: TopicPartition) -> int:
        """Give the last offset that an earlier life of this group died near; -1 when there is none."""
        async with self.db.read() as connection:
            found = await connection.fetchval(_SUSPECTED_UNTIL, self.group, *partition)
        return -1 if found is None else int(found)

    async def begin(self, partition: TopicPartition, first: int, last: int) -> Crashes:
        """Count a crash in advance for the records first..last, blamed on the first; what is counted by now."""
        async with self.db.transaction() as tx:
            row = await tx.fetchrow(_BEGIN, self.group, *partition, first, last)
        return Crashes(row["crashes"], row["error_class"] or KILLED) if row else Crashes(0, KILLED)

    async def name_error(self, partition: TopicPartition, offset: int, error: BaseException) -> None:
        """Note the class of the error that the process is about to die of."""
        async with self.db.transaction() as tx:
            await tx.execute(
                _NAME_ERROR, self.group, *partition, offset, f"{type(error).__module__}.{type(error).__qualname__}"
            )

    async def undo(self, partition: TopicPartition, offset: int) -> None:
        """Take one count back: the handling ended without a crash and without success."""
        async with self.db.transaction() as tx:
            if await tx.execute(_UNDO, self.group, *partition, offset) == "UPDATE 0":
                await tx.execute(_UNDO_FIRST, self.group, *partition, offset)

    async def end(self, partition: TopicPartition, first: int, last: int) -> None:
        """Forget the records first..last: they are dealt with."""
        async with self.db.transaction() as tx:
            await tx.execute(_END, self.group, *partition, first, last)
