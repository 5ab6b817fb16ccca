"""Say of notices that they are complete: none of their deliveries is open."""

from typing import Final

from gridcare.events.notices import NoticeCompleted
from gridcare.postgres import outbox
from outage_notifier import NAME
from outage_notifier.ledger.core.notice import SCHEDULED_VERSION, NoticeProgress
from outage_notifier.ledger.room import Ledger
from outage_notifier.ledger.store import progress

COMPLETED_MAX: Final = 200
"""In one transaction: a large notice's channels are counted over its deliveries, half a second for a million."""


async def complete_notices(*, room: Ledger) -> int:
    """Complete what is done and publish its counts. Return how many notices."""
    async with room.db.transaction() as tx:
        now = room.clock.now()
        completed = await progress.complete(tx, await progress.done(tx, limit=COMPLETED_MAX), now=now)
        events = [_event(found) for each in completed if (found := await progress.find(tx, each)) is not None]
        await outbox.append(tx, events, source=NAME, now=now)
    return len(completed)


def _event(found: NoticeProgress) -> NoticeCompleted:
    return NoticeCompleted(
        version=SCHEDULED_VERSION + 1,
        notice_id=found.notice_id,
        kind=found.kind,
        outage_id=found.outage_id,
        revision=found.revision,
        due_at=found.due_at,
        audience=found.audience,
        states=dict(found.states),
        channels=dict(found.channels),
    )
