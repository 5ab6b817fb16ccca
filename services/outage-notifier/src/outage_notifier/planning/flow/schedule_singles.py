"""Tell customers of events: schedule notices with one recipient each, once for the event that caused it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gridcare.postgres import inbox, outbox
from gridcare.postgres.database import Connection
from gridcare.values.ids import uuid7
from outage_notifier import NAME
from outage_notifier.ledger.core.notice import NewNotice
from outage_notifier.ledger.store import notice
from outage_notifier.planning.core.single_notices import Single
from outage_notifier.planning.room import Planning


@dataclass(frozen=True, slots=True)
class Cause:
    """An event that a customer is told of: its id, which never changes, and what they are told."""

    event_id: UUID
    single: Single


async def schedule_singles(causes: Sequence[Cause], *, room: Planning) -> int:
    """Schedule the notices of events that were not accepted before, in one transaction. Return how many. Raises Retryable."""
    if not causes:
        return 0
    async with room.db.transaction() as tx:
        now = room.clock.now()
        new = [scheduled for cause in causes if (scheduled := await _schedule(tx, cause, now)) is not None]
        await outbox.append(tx, [each.scheduled for each in new], source=NAME, now=now)
    return len(new)


async def _schedule(tx: Connection, cause: Cause, now: datetime) -> NewNotice | None:
    """Schedule one; None when it was told before: the inbox knows it, or the notice itself, which is kept longer."""
    new = NewNotice(
        notice_id=uuid7(now),
        intent=cause.single.intent(now),
        tag=cause.single.tag,
        recipient_id=cause.single.recipient_id,
        cause_event_id=cause.event_id,
    )
    if await inbox.accept(tx, NAME, cause.event_id) and await notice.schedule(tx, [new], now=now):
        return new
    return None
