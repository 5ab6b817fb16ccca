"""The operational command `offsets` of every service: lists what a restored database lost, and has it read again.

python -m repair_intake offsets list
python -m repair_intake offsets rewind --group repair-intake
"""

import argparse
import sys
from collections.abc import Sequence

from aiokafka.errors import KafkaError

from gridcare.errors import Retryable
from gridcare.kafka.brokers import Brokers
from gridcare.kafka.clients import close_consumer, new_group_member
from gridcare.kafka.restored.positions import Lost, all_lost, settle
from gridcare.postgres.database import Database
from gridcare.process.settings import ReplaySettings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="offsets", description="List what a restored database lost; read it again.")
    actions = parser.add_subparsers(dest="action", required=True)
    listing = actions.add_parser("list", help="print the lost records of each partition")
    listing.add_argument("--group", help="only of this consumer group")
    rewinding = actions.add_parser("rewind", help="have a group read them again; scale its processes to none first")
    rewinding.add_argument("--group", required=True, help="the consumer group")
    return parser


async def offsets_command(settings: ReplaySettings, arguments: Sequence[str]) -> int:
    """Run `offsets` and return its exit status. Raises Retryable without the database, or if the group has members."""
    given = _parser().parse_args(arguments)
    async with Database.open(settings.database_url.get_secret_value(), application_name="offsets", pool_size=2) as db:
        lost = await all_lost(db, group=given.group)
        if given.action == "rewind" and lost:
            await rewind(settings.brokers(), db, lost)
    for each in lost:
        topic, partition = each.partition
        sys.stdout.write(
            f"{each.group} {topic}/{partition} from {each.first} until {each.until}: {each.records} lost\n"
        )
    return 0


async def rewind(brokers: Brokers, db: Database, lost: Sequence[Lost]) -> None:
    """Set a group back to where its database was restored to. The broker refuses while the group has members."""
    group = lost[0].group
    consumer = new_group_member(brokers, group=group, client_id="offsets", session_timeout_s=10)
    try:
        await consumer.start()
        consumer.assign([each.partition for each in lost])
        await consumer.commit({each.partition: each.first for each in lost})
    except (KafkaError, OSError) as error:
        raise Retryable(f"kafka: {type(error).__name__}") from error
    finally:
        await close_consumer(consumer)
    for each in lost:
        await settle(db, each)
