"""The relay: publishes the outbox at least once, in order within each key.

Each shard is published by one relay at a time: the one that holds the shard's session advisory lock, on a direct
connection (a transaction pooler would share the session). Rows are read, sent and acknowledged with no transaction open,
then deleted in a short one that checks the lock again. After a crash between the acknowledgement and the delete, the rows
are published again with the same event ids.
"""

import json
import time
from typing import Any, Protocol

import asyncpg

from gridcare.errors import Retryable
from gridcare.events import Wire
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from gridcare.postgres.database import direct_connection
from gridcare.postgres.outbox import SHARDS
from gridcare.process.backoff import Backoff
from gridcare.process.crash_points import reach
from gridcare.process.lifecycle import Lifecycle

BATCH_SIZE_MAX = 2_000
"""Rows read at once; after a crash at most this many are published again."""

POLL_INTERVAL_S = 0.2
BACKOFF_FIRST_S = 0.2
BACKOFF_MAX_S = 5.0
LOCK_CLASS = 0x6772_6964
"""The first half of each shard's advisory lock; nothing else may use it."""

_LOCK = """
SELECT shard FROM unnest($2::int[]) AS shard WHERE pg_try_advisory_lock($1, shard)
"""
_READ = """
SELECT id, topic, key, value, headers, extract(epoch FROM clock_timestamp() - created_at)::float8 AS age_s
FROM outbox WHERE shard = ANY($1::smallint[]) ORDER BY id LIMIT $2
"""
_DELETE = """
DELETE FROM outbox WHERE id = ANY($1::bigint[]) AND shard IN (
    SELECT objid::int FROM pg_locks
    WHERE locktype = 'advisory' AND classid::bigint = $2 AND pid = pg_backend_pid() AND granted
)
"""

logger = get_logger()


class Publisher(Protocol):
    """What the relay needs from a producer: every record is acknowledged, or Retryable is raised."""

    async def send_batch(self, wires: list[Wire]) -> None: ...


async def run_relay(lifecycle: Lifecycle, *, database_url: str, application_name: str, producer: Publisher) -> None:
    """Publish until told to stop, waiting while the database or the broker is away."""
    backoff = Backoff(first_s=BACKOFF_FIRST_S, limit_s=BACKOFF_MAX_S)
    while not lifecycle.stopping.is_set():
        try:
            async with direct_connection(database_url, application_name=application_name) as connection:
                backoff.succeeded()
                await _publish_until_told(lifecycle, connection, producer)
        except Retryable as error:
            backoff_s = backoff.failed()
            logger.warning("relay_waits", error_class=type(error.__cause__ or error).__name__, backoff_s=backoff_s)
            await lifecycle.pause(backoff_s)


async def _publish_until_told(
    lifecycle: Lifecycle, connection: "asyncpg.Connection[asyncpg.Record]", producer: Publisher
) -> None:
    owned: set[int] = set()
    while not lifecycle.stopping.is_set():
        lifecycle.beat()
        wanted = [shard for shard in range(SHARDS) if shard not in owned]
        if wanted:
            owned |= {row["shard"] for row in await connection.fetch(_LOCK, LOCK_CLASS, wanted)}
            metrics.RELAY_SHARDS_HELD.set(len(owned))
        sent = await publish_once(connection, sorted(owned), producer) if owned else 0
        lifecycle.ready = True
        if sent < BATCH_SIZE_MAX:
            await lifecycle.pause(POLL_INTERVAL_S)


async def publish_once(connection: "asyncpg.Connection[asyncpg.Record]", shards: list[int], producer: Publisher) -> int:
    """Publish the oldest rows of the shards whose locks this connection holds and return their number. Raises Retryable."""
    rows = await connection.fetch(_READ, shards, BATCH_SIZE_MAX)
    metrics.OUTBOX_OLDEST_UNSENT_SECONDS.set(rows[0]["age_s"] if rows else 0)
    if not rows:
        return 0
    began_s = time.monotonic()
    reach("relay.read")
    await producer.send_batch([_wire(row) for row in rows])
    reach("relay.acknowledged")
    deleted: str = await connection.execute(_DELETE, [row["id"] for row in rows], LOCK_CLASS)
    if int(deleted.split()[1]) != len(rows):
        raise Retryable("relay: a shard's lock was lost")
    reach("relay.deleted")
    metrics.RELAY_BATCH_SECONDS.observe(time.monotonic() - began_s)
    return len(rows)


def _wire(row: Any) -> Wire:
    headers = [(name, value.encode()) for name, value in json.loads(row["headers"])]
    return Wire(row["topic"], row["key"], row["value"], headers)
