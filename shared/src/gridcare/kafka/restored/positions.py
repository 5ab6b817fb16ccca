"""How far each partition's records are in this database, noted before the broker is told.

The broker can therefore never be ahead of the database, unless the database was restored to an earlier time: what lies between
was applied once and is lost. A consumer sees this when it is given a partition, and says so until somebody decides
(gridcare.kafka.restored.rewind): reading again is safe for the data, but may send again what customers were sent before.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka.structs import TopicPartition

from gridcare.postgres.database import Database

_NOTE = """
INSERT INTO consumer_position AS known (consumer_group, topic, partition, next_offset)
SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::bigint[])
ON CONFLICT (consumer_group, topic, partition) DO UPDATE
SET next_offset = greatest(known.next_offset, excluded.next_offset)
"""
_FALL_BEHIND = """
UPDATE consumer_position SET rewind_to = least(rewind_to, next_offset), behind_until = $4, next_offset = $4
WHERE consumer_group = $1 AND topic = $2 AND partition = $3 AND next_offset < $4
"""
_LOST = """
SELECT consumer_group, topic, partition, rewind_to, behind_until FROM consumer_position
WHERE rewind_to IS NOT NULL AND ($1::text IS NULL OR consumer_group = $1) ORDER BY consumer_group, topic, partition
"""
_REWOUND = """
UPDATE consumer_position SET next_offset = rewind_to, rewind_to = NULL, behind_until = NULL
WHERE consumer_group = $1 AND topic = $2 AND partition = $3 AND rewind_to IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Lost:
    """The records first..until-1 of a partition: the group committed them, and the database knows nothing of them."""

    group: str
    partition: TopicPartition
    first: int
    until: int

    @property
    def records(self) -> int:
        return self.until - self.first


@dataclass(frozen=True, slots=True)
class Positions:
    """The positions of one consumer group. Every method raises Retryable while the database is away."""

    db: Database
    group: str

    async def note(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Note the next offset of each partition, in one statement. A late note of a former member moves nothing back."""
        topics, partitions = zip(*offsets, strict=True)
        async with self.db.transaction() as tx:
            await tx.execute(_NOTE, self.group, topics, partitions, list(offsets.values()))

    async def lost(self, partition: TopicPartition, committed: int) -> Lost | None:
        """Return what was lost of a partition, now or earlier, if its group has `committed` up to there.

        A partition of which nothing was ever noted is taken at its word: it may be older than this table.
        """
        async with self.db.transaction() as tx:
            await tx.execute(_FALL_BEHIND, self.group, *partition, committed)
        found = [each for each in await all_lost(self.db, group=self.group) if each.partition == partition]
        return found[0] if found else None


async def all_lost(db: Database, *, group: str | None = None) -> list[Lost]:
    """Return what was lost on all partitions, of all groups or of one."""
    async with db.read() as connection:
        rows = await connection.fetch(_LOST, group)
    return [
        Lost(
            row["consumer_group"], TopicPartition(row["topic"], row["partition"]), row["rewind_to"], row["behind_until"]
        )
        for row in rows
    ]


async def settle(db: Database, lost: Lost) -> None:
    """Forget that records were lost: their group reads them again."""
    async with db.transaction() as tx:
        await tx.execute(_REWOUND, lost.group, *lost.partition)
