"""Find open deliveries that nobody would look at again, and make them due: they are cut into new follow-up batches.

A delivery that waits has a due time, or stands in a follow-up batch that is ready. A stray has neither, so its batch settled
without it: no release that is right leaves one, which is why they are counted and an alarm tells of them.
"""

from functools import partial

from msgspec.structs import replace

from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from gridcare.postgres.poison.guard import Hand
from outage_notifier.ledger.core.delivery import name_of
from outage_notifier.ledger.store import delivery
from outage_notifier.planning.core.follow_up import is_stray
from outage_notifier.planning.flow.cut_follow_ups import CUT_MAX
from outage_notifier.planning.room import Planning
from outage_notifier.planning.store import follow_up

logger = get_logger()


async def recut_strays(*, room: Planning) -> int:
    """Make up to CUT_MAX strays due now. Return how many."""
    return await room.guard.each("stray", partial(_recut, room), limit=CUT_MAX)


async def _recut(room: Planning, hand: Hand, limit: int) -> int:
    async with room.db.transaction() as tx:
        found = await follow_up.strays(tx, limit=limit)
        if not found:
            return 0
        await hand.take([name_of(key) for key in found])
        locked = await delivery.lock(tx, list(found))
        strays = [row for row in locked.values() if is_stray(row, found[row.key])]
        now = room.clock.now()
        await delivery.record(tx, [replace(row, next_attempt_at=now, follow_up_batch_id=None) for row in strays])
    if strays:
        metrics.DELIVERIES_STRAYED.inc(len(strays))
        logger.error("deliveries_strayed", count=len(strays))
    return len(strays)
