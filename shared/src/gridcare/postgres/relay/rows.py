"""Table `outbox`, as a relay reads and empties it.

A page is read shard by shard in the order of ids. The session that it is read in (SESSION) leaves the planner nothing but
the index on (shard, id): the plan of a prepared statement is made once, perhaps while the table is empty, and would
otherwise sort the whole backlog for each page.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from gridcare.errors import Retryable
from gridcare.events import Wire
from gridcare.postgres.relay.shares import SHARD_LOCK_CLASS

SESSION: Final = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_sort": "off",
    "idle_session_timeout": "30s",  # of a relay that hangs or is stopped; longer than a send takes
}
"""Settings of a relay's session."""

_READ: Final = """
SELECT page.shard, waiting.id, topic, key, value, headers, age_s
FROM unnest($1::smallint[], $2::bigint[]) AS page (shard, after_id)
CROSS JOIN LATERAL (
    SELECT id, topic, key, value, headers, extract(epoch FROM clock_timestamp() - created_at)::float8 AS age_s
    FROM outbox WHERE outbox.shard = page.shard AND outbox.id > page.after_id AND outbox.id <= $3
    ORDER BY outbox.id LIMIT $4
) AS waiting
"""
_NEWEST: Final = "SELECT last_value FROM outbox_id_seq"
_HELD: Final = """
SELECT objid::int FROM pg_locks
WHERE locktype = 'advisory' AND classid::bigint = $1 AND objsubid = 2 AND pid = pg_backend_pid() AND granted
"""
_DELETE: Final = f"DELETE FROM outbox WHERE id = ANY($2::bigint[]) AND shard IN ({_HELD})"
_QUARANTINE: Final = f"""
WITH refused AS (
    DELETE FROM outbox USING unnest($2::bigint[], $3::text[]) AS given (id, reason)
    WHERE outbox.id = given.id AND shard IN ({_HELD})
    RETURNING outbox.id, shard, event_id, topic, key, value, headers, created_at, reason
)
INSERT INTO outbox_quarantine (id, shard, event_id, topic, key, value, headers, created_at, reason)
SELECT id, shard, event_id, topic, key, value, headers, created_at, reason FROM refused
"""

NO_HORIZON: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Row:
    """An event that waits, and since when, in seconds."""

    shard: int
    id: int
    wire: Wire
    age_s: float

    @property
    def key(self) -> tuple[str, bytes]:
        """What must stay in order: the topic and the record's key."""
        return self.wire.topic, self.wire.key


async def read(
    connection: "asyncpg.Connection[asyncpg.Record]", after: Mapping[int, int], horizon: int, *, limit: int
) -> list[Row]:
    """Return the oldest rows of each shard in `after`, those behind the id given there and not behind `horizon`.

    Each shard has at most `limit` rows, in the order of their ids.
    """
    found = await connection.fetch(_READ, list(after), list(after.values()), horizon, limit)
    return [
        Row(
            row["shard"],
            row["id"],
            Wire(row["topic"], row["key"], row["value"], [(n, v.encode()) for n, v in json.loads(row["headers"])]),
            row["age_s"],
        )
        for row in found
    ]


async def newest(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
    """Return the last id that was drawn. What is appended from now on has a higher one."""
    drawn: int = await connection.fetchval(_NEWEST)
    return drawn


async def delete(connection: "asyncpg.Connection[asyncpg.Record]", ids: Sequence[int]) -> None:
    """Delete what was published. Raises Retryable if this connection has lost the lock of a shard."""
    if ids:
        _all_were_ours(await connection.execute(_DELETE, SHARD_LOCK_CLASS, ids), len(ids))


async def quarantine(connection: "asyncpg.Connection[asyncpg.Record]", reasons: Mapping[int, str]) -> None:
    """Move rows out of the way, each with its reason. Raises Retryable if this connection has lost the lock of a shard."""
    if reasons:
        tag = await connection.execute(_QUARANTINE, SHARD_LOCK_CLASS, list(reasons), list(reasons.values()))
        _all_were_ours(tag, len(reasons))


def _all_were_ours(tag: str, rows: int) -> None:
    if int(tag.rpartition(" ")[2]) != rows:
        raise Retryable("relay: a shard's lock was lost")
