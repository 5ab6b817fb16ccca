"""Send customers the receipt of what they paid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gridcare.events.payments import PaymentRecorded
from outage_notifier.planning.core.single_notices import of_payment
from outage_notifier.planning.flow.schedule_singles import Cause, schedule_singles
from outage_notifier.planning.room import Planning


@dataclass(frozen=True, slots=True)
class Paid:
    """A recorded payment, with its event's id and time."""

    event_id: UUID
    happened_at: datetime
    event: PaymentRecorded


async def notify_payment(payments: Sequence[Paid], *, room: Planning) -> int:
    """Schedule the receipt of each payment that has none yet. Return how many. Raises Retryable."""
    causes = [Cause(paid.event_id, of_payment(paid.event, paid.happened_at)) for paid in payments]
    return await schedule_singles(causes, room=room)
