"""Keep the months in order: add those to come, index those that are over, drop those that are no longer kept."""

from collections.abc import Sequence

from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from outage_notifier.ledger.core.months import Partition, expired, missing, months_ahead, to_index
from outage_notifier.ledger.room import Keeping
from outage_notifier.ledger.store import partition

logger = get_logger()


async def keep_partitions(*, room: Keeping) -> int:
    """Do what is due and return how many partitions it changed. Raises Retryable.

    A month whose notices are not all over is kept, and so are those after it: they are counted, since that is for ever.
    """
    async with room.db.read() as connection:
        found = await partition.partitions(connection)
    changed = await _add(found, room) + await _index(found, room) + await _drop(found, room)
    async with room.db.read() as connection:
        left = await partition.partitions(connection)
        metrics.PARTITION_STRAYS.set(await partition.strays(connection))
    metrics.PARTITIONS_AHEAD.set(months_ahead(left, now=room.clock.now()))
    return changed


async def _add(found: Sequence[Partition], room: Keeping) -> int:
    now, added = room.clock.now(), 0
    for parent in sorted({each.parent for each in found}):
        for month in missing([each for each in found if each.parent == parent], now=now):
            async with room.db.transaction() as tx:
                await partition.add(tx, parent, month)
            added += 1
    return added


async def _index(found: Sequence[Partition], room: Keeping) -> int:
    over = to_index(found, now=room.clock.now())
    for each in over:
        async with room.db.transaction() as tx:
            await partition.index(tx, each.name)
        logger.info("partition_indexed", partition=each.name)
    return len(over)


async def _drop(found: Sequence[Partition], room: Keeping) -> int:
    dropped = overdue = 0
    due = expired(found, kept_months=room.kept_months, now=room.clock.now())
    for each in due:
        async with room.db.transaction() as tx:
            if not await partition.is_over(tx, each.ends_at):
                break  # the service's clock is ahead
            if await partition.has_open(tx, before=each.ends_at):
                logger.warning("partition_kept", partition=each.name, reason="open-notices")
                overdue = len(due) - dropped
                break
            await partition.drop(tx, each.name)
        logger.info("partition_dropped", partition=each.name)
        dropped += 1
    metrics.OVERDUE_PARTITIONS.set(overdue)
    return dropped
