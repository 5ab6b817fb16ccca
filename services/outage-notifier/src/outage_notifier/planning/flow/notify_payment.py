"""Send customers the receipt of what they paid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gridcare.events.payments import PaymentRecorded
from gridcare.postgres.database import Database
from gridcare.values.clock import Clock
from outage_notifier.planning.core.single_notices import of_payment
from outage_notifier.planning.flow.schedule_single import Cause, schedule_singles


@dataclass(frozen=True, slots=True)
class Paid:
    """A recorded payment, with its event's id and time."""

    event_id: UUID
    happened_at: datetime
    event: PaymentRecorded


async def notify_payment(db: Database, clock: Clock, payments: Sequence[Paid]) -> int:
    """Schedule the receipt of each payment that has none yet; how many. Raises Retryable."""
    causes = [Cause(paid.event_id, of_payment(paid.event, paid.happened_at)) for paid in payments]
    return await schedule_singles(db, clock, causes)
