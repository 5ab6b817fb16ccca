"""Tell customers of their tickets: that one was taken, or that an outage explains it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gridcare.events.tickets import TicketEvent
from gridcare.postgres.database import Database
from gridcare.values.clock import Clock
from outage_notifier.planning.core.single_notices import of_ticket
from outage_notifier.planning.flow.schedule_single import Cause, schedule_singles


@dataclass(frozen=True, slots=True)
class TicketStep:
    """An event about a ticket, with its id and time."""

    event_id: UUID
    happened_at: datetime
    event: TicketEvent


async def notify_ticket(db: Database, clock: Clock, steps: Sequence[TicketStep]) -> int:
    """Schedule a notice for each step that has a message and was not told before; how many. Raises Retryable."""
    told = ((step.event_id, of_ticket(step.event, step.happened_at)) for step in steps)
    return await schedule_singles(db, clock, [Cause(event_id, single) for event_id, single in told if single])
