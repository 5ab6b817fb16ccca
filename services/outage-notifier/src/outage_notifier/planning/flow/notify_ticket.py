"""Tell customers of their tickets: that one was taken, or that an outage explains it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gridcare.events.tickets import TicketEvent
from outage_notifier.planning.core.single_notices import of_ticket
from outage_notifier.planning.flow.schedule_singles import Cause, schedule_singles
from outage_notifier.planning.room import Planning


@dataclass(frozen=True, slots=True)
class TicketHappened:
    """An event about a ticket, with its id and time."""

    event_id: UUID
    happened_at: datetime
    event: TicketEvent


async def notify_ticket(happened: Sequence[TicketHappened], *, room: Planning) -> int:
    """Schedule a notice for each event that has a message and was not told before. Return how many. Raises Retryable."""
    causes = [Cause(each.event_id, single) for each in happened if (single := of_ticket(each.event, each.happened_at))]
    return await schedule_singles(causes, room=room)
