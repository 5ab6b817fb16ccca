"""How often the process died while handling a record, counted in PostgreSQL so that the count survives the process.

A process that is killed (out of memory, kill -9) cannot count any more, so a row is written before a record that could be
the culprit is handled, and deleted afterwards. Rows are written for the first records after each assignment, because
those are what a restarted process handles first, and for every record that such a row points at.
"""

from dataclasses import dataclass

from aiokafka.structs import TopicPartition

from gridcare.postgres.database import Database

CRASHES_MAX = 5
"""A record that has crashed the process this often becomes a dead letter with the reason `bug`."""

KILLED = "killed"
"""The error class of a process that was killed before it could note one."""

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
    """How often the process died on a record, counting the handling that is about to begin, and the class of the last error."""

    count: int
    error_class: str


@dataclass(frozen=True, slots=True)
class CrashLedger:
    """The crash counts of one consumer group. Every method raises Retryable while the database is away."""

    db: Database
    group: str

    async def suspected_until(self, partition: TopicPartition) -> int:
        """Return the last offset near which an earlier process of this group died; -1 if there is none."""
        async with self.db.read() as connection:
            offset = await connection.fetchval(_SUSPECTED_UNTIL, self.group, *partition)
        return -1 if offset is None else int(offset)

    async def begin(self, partition: TopicPartition, first: int, last: int) -> Crashes:
        """Count a crash in advance for the records first..last, blamed on the first, and return the counts so far."""
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
        """Take one count back: the handling ended neither in a crash nor in success."""
        async with self.db.transaction() as tx:
            if await tx.execute(_UNDO, self.group, *partition, offset) == "UPDATE 0":
                await tx.execute(_UNDO_FIRST, self.group, *partition, offset)

    async def end(self, partition: TopicPartition, first: int, last: int) -> None:
        """Forget the records first..last: they were dealt with."""
        async with self.db.transaction() as tx:
            await tx.execute(_END, self.group, *partition, first, last)
