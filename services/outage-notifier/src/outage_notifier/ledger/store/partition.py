"""The partitions of `delivery`, `batch` and `attempt`; functions that a migration made change them."""

from datetime import datetime

from gridcare.postgres.database import Connection
from gridcare.values.ids import first_id, time_of
from outage_notifier.ledger.core.months import Partition, Partitioned

INDEX_TIMEOUT_S = 600
"""Tens of millions of deliveries take some minutes; receipts for that month wait meanwhile."""

_LIST = r"""
WITH part AS (
    SELECT p.relname::text AS parent, c.relname::text AS name, pg_get_expr(c.relpartbound, c.oid) AS bounds,
        to_regclass(quote_ident(c.relname || '_by_recipient')) IS NOT NULL AS indexed
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
    WHERE p.oid = ANY(ARRAY['delivery', 'batch', 'attempt']::regclass[])
)
SELECT parent, name, indexed, substring(bounds FROM $re$FROM \('([0-9a-f-]{36})'\)$re$)::uuid AS starts,
    substring(bounds FROM $re$TO \('([0-9a-f-]{36})'\)$re$)::uuid AS ends
FROM part WHERE bounds <> 'DEFAULT' ORDER BY ends, parent
"""
_STRAYS = """
SELECT count(*) FROM (
    (SELECT FROM delivery_default LIMIT 1000) UNION ALL (SELECT FROM batch_default LIMIT 1000)
    UNION ALL (SELECT FROM attempt_default LIMIT 1000)) AS strays
"""
_OPEN = "SELECT EXISTS (SELECT FROM notice WHERE state = ANY('{scheduled,planned}') AND notice_id < $1)"
_OVER = "SELECT first_id(now() - interval '60 days') >= $1"


async def partitions(connection: Connection) -> list[Partition]:
    """List the partitions that have bounds, by their ends."""
    return [
        Partition(
            parent=row["parent"],
            name=row["name"],
            starts_at=time_of(row["starts"]) if row["starts"] else None,
            ends_at=time_of(row["ends"]),
            indexed=row["indexed"],
        )
        for row in await connection.fetch(_LIST)
    ]


async def strays(connection: Connection) -> int:
    """Count the rows whose month has no partition, up to 1,000 of each table."""
    number: int = await connection.fetchval(_STRAYS)
    return min(number, 1000)


async def add(tx: Connection, parent: Partitioned, month: datetime) -> None:
    """Add the partition of a month, with what came while it was missing."""
    await tx.execute("SELECT add_partition($1, $2)", parent, month.date())


async def index(tx: Connection, name: str) -> None:
    """Make the index by recipient of a month's deliveries."""
    await tx.execute(f"SET LOCAL statement_timeout = '{INDEX_TIMEOUT_S}s'")
    await tx.execute("SELECT index_partition($1)", name, timeout=INDEX_TIMEOUT_S)


async def drop(tx: Connection, name: str) -> None:
    """Drop a partition; it must have ended 60 days ago."""
    await tx.execute("SET LOCAL lock_timeout = '2s'")  # those who read or write any month wait behind this one
    await tx.execute("SELECT drop_partition($1)", name)


async def is_over(connection: Connection, ends_at: datetime) -> bool:
    """Say whether the database, which has a clock of its own, will drop a partition with this end."""
    over: bool = await connection.fetchval(_OVER, first_id(ends_at))
    return over


async def has_open(connection: Connection, *, before: datetime) -> bool:
    """Say whether a notice that was made before a time is not over yet."""
    is_open: bool = await connection.fetchval(_OPEN, first_id(before))
    return is_open
