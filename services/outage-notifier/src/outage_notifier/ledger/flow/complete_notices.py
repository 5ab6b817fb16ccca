"""Mark notices as completed once none of their deliveries is open."""

from functools import partial
from typing import Final

from gridcare.events.notices import NoticeCompleted
from gridcare.postgres import outbox
from gridcare.postgres.poison.guard import Hand
from outage_notifier import NAME
from outage_notifier.ledger.core.notice import SCHEDULED_VERSION, NoticeProgress
from outage_notifier.ledger.room import Ledger
from outage_notifier.ledger.store import batch, progress

COMPLETED_MAX: Final = 200
"""How many per transaction: a large notice's channels are counted over its deliveries, half a second for a million."""

NOTICES_DONE: Final = progress.ANY_DONE
BATCHES_LEASED: Final = batch.ANY_LEASED
"""While a batch is being sent, a notice may be done at any moment."""


async def complete_notices(*, room: Ledger) -> int:
    """Complete what is done and publish its counts. Return how many notices. Raises Retryable."""
    return await room.guard.each("completion", partial(_complete, room), limit=COMPLETED_MAX)


async def _complete(room: Ledger, hand: Hand, limit: int) -> int:
    async with room.db.transaction() as tx:
        now = room.clock.now()
        done = await progress.done(tx, now=now, limit=limit)
        if not done:
            return 0
        await hand.take([str(notice_id) for notice_id in done])
        completed = await progress.complete(tx, done, now=now)
        counted = [await progress.find(tx, notice_id) for notice_id in completed]
        await outbox.append(tx, [_event(notice) for notice in counted if notice], source=NAME, now=now)
    return len(completed)


def _event(notice: NoticeProgress) -> NoticeCompleted:
    return NoticeCompleted(
        version=SCHEDULED_VERSION + notice.completions,
        notice_id=notice.notice_id,
        kind=notice.kind,
        outage_id=notice.outage_id,
        revision=notice.revision,
        due_at=notice.due_at,
        audience=notice.audience,
        states={state.value: count for state, count in notice.states.items()},
        channels=dict(notice.channels.items()),
    )
