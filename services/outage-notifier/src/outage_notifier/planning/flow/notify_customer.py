"""Tell one customer what happened to their ticket or payment: one notice, once for the event that caused it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gridcare.events.payments import PaymentRecorded
from gridcare.events.tickets import TicketEvent
from gridcare.postgres import inbox, outbox
from gridcare.postgres.database import Connection
from gridcare.values.ids import uuid7
from outage_notifier import NAME
from outage_notifier.ledger.core.notice import NewNotice
from outage_notifier.ledger.store import notice
from outage_notifier.planning.core.single_notices import Single, of_payment, of_ticket
from outage_notifier.planning.room import Planning


@dataclass(frozen=True, slots=True)
class TicketHappened:
    """An event about a ticket, with its id and time."""

    event_id: UUID
    happened_at: datetime
    event: TicketEvent


@dataclass(frozen=True, slots=True)
class Paid:
    """A recorded payment, with its event's id and time."""

    event_id: UUID
    happened_at: datetime
    event: PaymentRecorded


async def notify_ticket(happened: Sequence[TicketHappened], *, room: Planning) -> int:
    """Schedule a notice for each event that has a message and was not told before. Return how many. Raises Retryable."""
    singles = [(each.event_id, of_ticket(each.event, each.happened_at)) for each in happened]
    return await _schedule_all([(event_id, single) for event_id, single in singles if single is not None], room)


async def notify_payment(payments: Sequence[Paid], *, room: Planning) -> int:
    """Schedule the receipt of each payment that has none yet. Return how many. Raises Retryable."""
    return await _schedule_all([(paid.event_id, of_payment(paid.event, paid.happened_at)) for paid in payments], room)


async def _schedule_all(singles: Sequence[tuple[UUID, Single]], room: Planning) -> int:
    """Schedule the notices of those events that were not told before, in one transaction."""
    if not singles:
        return 0
    async with room.db.transaction() as tx:
        now = room.clock.now()
        new = [
            scheduled
            for event_id, single in singles
            if (scheduled := await _schedule(tx, event_id, single, now)) is not None
        ]
        await outbox.append(tx, [each.scheduled for each in new], source=NAME, now=now)
        if new:
            await notice.wake_planners(tx)
    return len(new)


async def _schedule(tx: Connection, event_id: UUID, single: Single, now: datetime) -> NewNotice | None:
    """Schedule one. Return None if it was told before, as the inbox shows, or the notice itself, which is kept longer."""
    new = NewNotice(
        notice_id=uuid7(now),
        intent=single.intent(now),
        tag=single.tag,
        recipient_id=single.recipient_id,
        cause_event_id=event_id,
    )
    if await inbox.accept(tx, NAME, event_id) and await notice.schedule(tx, [new], now=now):
        return new
    return None
