"""Table `outbox_quarantine`: the events that the broker refused for good, until the command `parked` releases them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from gridcare.postgres.database import Connection

_LIST: Final = """
SELECT id, event_id, topic, reason, octet_length(value) AS size_bytes, created_at, quarantined_at FROM outbox_quarantine
ORDER BY id LIMIT $1
"""
_RELEASE: Final = """
WITH released AS (
    DELETE FROM outbox_quarantine WHERE $1::text IS NULL OR id::text = $1
    RETURNING id, shard, event_id, topic, key, value, headers
)
INSERT INTO outbox (shard, event_id, topic, key, value, headers)
SELECT shard, event_id, topic, key, value, headers FROM released ORDER BY id
"""
KIND: Final = "event"
"""What the command `parked` calls them."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An event that the broker refused; `size_bytes` is None for a tombstone."""

    id: int
    event_id: UUID
    topic: str
    reason: str
    size_bytes: int | None
    created_at: datetime
    quarantined_at: datetime


async def quarantined(connection: Connection, *, limit: int) -> list[Quarantined]:
    """Return what is in quarantine, the oldest first."""
    return [Quarantined(**row) for row in await connection.fetch(_LIST, limit)]


async def release(tx: Connection, row_id: str | None) -> int:
    """Put one event, or all, at the end of the outbox, with their event ids. Return how many."""
    tag: str = await tx.execute(_RELEASE, row_id)
    return int(tag.rpartition(" ")[2])


async def count(connection: Connection) -> int:
    """Return how many events are in quarantine."""
    events: int = await connection.fetchval("SELECT count(*) FROM outbox_quarantine")
    return events
