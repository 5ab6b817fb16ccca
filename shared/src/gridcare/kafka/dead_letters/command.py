"""The operational command `dead-letters` of every service: lists dead letters or publishes them again.

python -m repair_intake dead-letters list outages.v1 --reason invalid-event-data
python -m repair_intake dead-letters replay outages.v1 --group repair-intake --dry-run
"""

import argparse
import getpass
import sys
from collections.abc import Sequence

from gridcare.kafka.dead_letters.replay import LIMIT, RATE_PER_S, dead_letters, replay
from gridcare.kafka.produce import Producer
from gridcare.postgres.database import Database
from gridcare.process.settings import ReplaySettings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dead-letters", description="List dead letters or publish them again.")
    actions = parser.add_subparsers(dest="action", required=True)
    listing = actions.add_parser("list", help="print the dead letters of a topic, oldest first")
    listing.add_argument("--group", help="only those that this consumer group put aside")
    replaying = actions.add_parser(
        "replay", help="publish them to their topic again, for the group that put them aside"
    )
    replaying.add_argument("--group", required=True, help="the consumer group that put them aside")
    replaying.add_argument("--actor", default=getpass.getuser(), help="who replays, for the audit (default: this user)")
    replaying.add_argument(
        "--rate-per-s", type=float, default=RATE_PER_S, help="records a second (default: %(default)s)"
    )
    replaying.add_argument("--dry-run", action="store_true", help="publish nothing, only count")
    for action in (listing, replaying):
        action.add_argument("topic", help="the original topic, such as outages.v1")
        action.add_argument("--reason", help="only those with this reason code")
        action.add_argument("--limit", type=int, default=LIMIT, help="at most this many (default: %(default)s)")
    return parser


async def dead_letters_command(settings: ReplaySettings, arguments: Sequence[str]) -> int:
    """Run `dead-letters` and return its exit status. Raises Retryable if the broker or the database cannot be reached."""
    given = _parser().parse_args(arguments)
    if given.action == "list":
        return await _list(settings, given)
    return await _replay(settings, given)


async def _list(settings: ReplaySettings, given: argparse.Namespace) -> int:
    letters = dead_letters(settings.brokers(), given.topic, group=given.group, reason=given.reason, limit=given.limit)
    async for letter in letters:
        position = f"{letter.topic}/{letter.partition}/{letter.offset}"
        when = letter.dead_lettered_at.isoformat(timespec="seconds")
        sys.stdout.write(
            f"{when} {letter.group} {position} {letter.event_type or '-'} {letter.event_id} {letter.reason}\n"
        )
    return 0


async def _replay(settings: ReplaySettings, given: argparse.Namespace) -> int:
    async with (
        Database.open(settings.database_url.get_secret_value(), application_name="dead-letters", pool_size=2) as db,
        Producer(settings.brokers(), client_id="dead-letters") as producer,
    ):
        done = await replay(
            brokers=settings.brokers(),
            db=db,
            producer=producer,
            topic=given.topic,
            group=given.group,
            actor=given.actor,
            reason=given.reason,
            limit=given.limit,
            rate_per_s=given.rate_per_s,
            dry_run=given.dry_run,
        )
    verb = "would publish" if given.dry_run else "published"
    sys.stdout.write(f"{done.matched} matched, {verb} {done.published}, {done.skipped} had been published before\n")
    return 0
