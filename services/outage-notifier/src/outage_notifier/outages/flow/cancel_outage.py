"""Cancel an outage: those who were told are told that it will not be."""

from uuid import UUID

from gridcare.postgres.idempotency import Answer
from outage_notifier.outages.core.outage import cancel
from outage_notifier.outages.flow.outage_desk import Asked, OutageDesk, Write, take_step


async def cancel_outage(desk: OutageDesk, outage_id: UUID, asked: Asked, *, answer: Write) -> Answer:
    """Call an outage off, or drop a draft. Raises what outages/core/outage.py `cancel` raises."""
    return await take_step(desk, outage_id, asked, lambda found, now: cancel(found, now=now), answer=answer)
