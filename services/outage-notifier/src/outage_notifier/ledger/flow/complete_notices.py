"""Say of notices that they are complete: none of their deliveries is open."""

from typing import Final

from gridcare.events.notices import NoticeCompleted
from gridcare.postgres import outbox
from gridcare.postgres.database import Database
from gridcare.values.clock import Clock
from outage_notifier import NAME
from outage_notifier.ledger.core.notice import NoticeProgress
from outage_notifier.ledger.store import progress

COMPLETED_MAX: Final = 200
"""In one transaction: a large notice's channels are counted over its deliveries, half a second for a million."""

SCHEDULED_VERSION: Final = 1
"""A notice's events are two, scheduled and completed: their versions are their places."""


async def complete_notices(db: Database, clock: Clock) -> int:
    """Complete what is done and publish its counts; how many notices."""
    async with db.transaction() as tx:
        now = clock.now()
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
