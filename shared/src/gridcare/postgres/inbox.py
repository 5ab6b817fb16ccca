"""The inbox: an event is applied in the same transaction that notes its id."""

from uuid import UUID

from gridcare.postgres.database import Connection

_ACCEPT = "INSERT INTO inbox (consumer, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_FORGET = """
DELETE FROM inbox WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM inbox WHERE received_at < now() - make_interval(days => $1) ORDER BY received_at LIMIT $2))
"""

KEPT_DAYS = 35
"""Longer than any topic keeps a record (28 days, dead letters included), so that nothing can be applied twice."""


async def accept(tx: Connection, consumer: str, event_id: UUID) -> bool:
    """Note that `consumer` applies the event in this transaction. Return False if it was applied before."""
    tag: str = await tx.execute(_ACCEPT, consumer, event_id)
    return tag == "INSERT 0 1"


async def forget(tx: Connection, *, limit: int, kept_days: int = KEPT_DAYS) -> int:
    """Delete ids older than any record that could still arrive, at most `limit`, and return the number of rows."""
    tag: str = await tx.execute(_FORGET, kept_days, limit)
    return int(tag.split()[1])
