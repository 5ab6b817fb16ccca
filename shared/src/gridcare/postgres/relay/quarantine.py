"""Table `outbox_quarantine`, and the operational command `quarantine` of every service that lists and releases it.

python -m repair_intake quarantine list
python -m repair_intake quarantine release 4711
python -m repair_intake quarantine release --all --reason record-too-large
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from gridcare.observability.logging import get_logger
from gridcare.postgres.database import Connection, Database
from gridcare.process.settings import ServiceSettings

LIMIT = 1_000

_LIST: Final = """
SELECT id, event_id, topic, reason, octet_length(value) AS size_bytes, created_at, quarantined_at FROM outbox_quarantine
WHERE $1::text IS NULL OR reason = $1 ORDER BY id LIMIT $2
"""
_RELEASE: Final = """
WITH released AS (
    DELETE FROM outbox_quarantine WHERE ($1::bigint IS NULL OR id = $1) AND ($2::text IS NULL OR reason = $2)
    RETURNING id, shard, event_id, topic, key, value, headers
)
INSERT INTO outbox (shard, event_id, topic, key, value, headers)
SELECT shard, event_id, topic, key, value, headers FROM released ORDER BY id
"""

logger = get_logger()


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


async def quarantined(connection: Connection, reason: str | None, *, limit: int) -> list[Quarantined]:
    """Return what is in quarantine, all of it or for one reason, the oldest first."""
    return [Quarantined(**row) for row in await connection.fetch(_LIST, reason, limit)]


async def release(tx: Connection, row_id: int | None, reason: str | None) -> int:
    """Put a row, or all of a reason, at the end of the outbox, with its event id. Return the number of rows."""
    tag: str = await tx.execute(_RELEASE, row_id, reason)
    return int(tag.rpartition(" ")[2])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="quarantine", description="List the events that the broker refused, or release them."
    )
    actions = parser.add_subparsers(dest="action", required=True)
    listing = actions.add_parser("list", help="print them, the oldest first")
    listing.add_argument("--limit", type=int, default=LIMIT, help="at most this many (default: %(default)s)")
    releasing = actions.add_parser("release", help="let the relay try them again, after what waits now")
    which = releasing.add_mutually_exclusive_group(required=True)
    which.add_argument("id", type=int, nargs="?", help="the one with this number, as `list` prints it")
    which.add_argument("--all", action="store_true", help="all of them")
    for action in (listing, releasing):
        action.add_argument("--reason", help="only those with this reason code")
    return parser


async def quarantine_command(settings: ServiceSettings, arguments: Sequence[str]) -> int:
    """Run `quarantine`. Return its exit status: 1 if there was nothing to release. Raises Retryable without the database."""
    given = _parser().parse_args(arguments)
    async with Database.open(settings.database_url, application_name="quarantine", pool_size=2) as db:
        if given.action == "list":
            async with db.read() as connection:
                found = await quarantined(connection, given.reason, limit=given.limit)
            for each in found:
                when = each.quarantined_at.isoformat(timespec="seconds")
                sys.stdout.write(
                    f"{each.id} {when} {each.topic} {each.event_id} {each.size_bytes or 0} bytes {each.reason}\n"
                )
            return 0
        async with db.transaction() as tx:
            released = await release(tx, given.id, given.reason)
    logger.info("quarantine_released", count=released)
    sys.stdout.write(f"{released} released\n")
    return 0 if released else 1
