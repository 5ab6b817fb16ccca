"""The operational command `parked` of every service: lists what is parked and releases it.

python -m outage_notifier parked list
python -m outage_notifier parked release batch 0192d3c4-…
python -m outage_notifier parked release batch --all
python -m outage_notifier parked release event 4711
"""

import argparse
import sys
from collections.abc import Sequence
from typing import get_args

from gridcare.observability.logging import get_logger
from gridcare.postgres.database import Database
from gridcare.postgres.poison import store
from gridcare.postgres.poison.guard import Kind
from gridcare.postgres.relay import quarantine
from gridcare.process.settings import DatabaseSettings

LIMIT = 1_000
KINDS = (*get_args(Kind), quarantine.KIND)

logger = get_logger()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="parked", description="List what is parked, or release it.")
    actions = parser.add_subparsers(dest="action", required=True)
    listing = actions.add_parser("list", help="print what is parked, the longest first")
    listing.add_argument("--kind", choices=KINDS, help="only of this kind")
    listing.add_argument("--limit", type=int, default=LIMIT, help="at most this many (default: %(default)s)")
    releasing = actions.add_parser("release", help="let it be taken up again")
    releasing.add_argument("kind", choices=KINDS)
    which = releasing.add_mutually_exclusive_group(required=True)
    which.add_argument("id", nargs="?", help="the one with this id, as `list` prints it")
    which.add_argument("--all", action="store_true", help="all of the kind")
    return parser


async def parked_command(settings: DatabaseSettings, arguments: Sequence[str]) -> int:
    """Run `parked`. Return its exit status: 1 when there was nothing to release. Raises Retryable without the database."""
    given = _parser().parse_args(arguments)
    async with Database.open(settings.database_url.get_secret_value(), application_name="parked", pool_size=1) as db:
        if given.action == "list":
            return await _list(db, given.kind, given.limit)
        return await _release(db, given.kind, None if given.all else given.id)


async def _list(db: Database, kind: str | None, limit: int) -> int:
    async with db.read() as connection:
        parked = await store.list_parked(connection, kind, limit=limit)
    for each in parked:
        since, until = (moment.isoformat(timespec="seconds") for moment in (each.first_at, each.last_at))
        sys.stdout.write(
            f"{each.kind} {each.item_id} {each.tries} tries from {since} to {until} {each.error_class or 'killed'}\n"
        )
    if kind in {None, quarantine.KIND}:
        await _list_events(db, limit)
    return 0


async def _list_events(db: Database, limit: int) -> None:
    async with db.read() as connection:
        events = await quarantine.quarantined(connection, limit=limit)
    for each in events:
        since = each.quarantined_at.isoformat(timespec="seconds")
        size = f"{each.size_bytes or 0} bytes"
        sys.stdout.write(
            f"{quarantine.KIND} {each.id} {each.topic} {each.event_id} {size} since {since} {each.reason}\n"
        )


async def _release(db: Database, kind: str, item_id: str | None) -> int:
    async with db.transaction() as tx:
        if kind == quarantine.KIND:
            released = await quarantine.release(tx, item_id)
        else:
            released = await store.release(tx, kind, item_id)
    logger.info("work_released", kind=kind, aggregate_id=item_id, count=released)
    sys.stdout.write(f"{released} released\n")
    return 0 if released else 1
