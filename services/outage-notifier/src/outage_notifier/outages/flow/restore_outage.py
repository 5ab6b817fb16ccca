"""Note that the power is back: those who were told are told so."""

from uuid import UUID

from gridcare.postgres.idempotency import Answer
from outage_notifier.outages.core.outage import restore
from outage_notifier.outages.flow.outage_desk import Asked, OutageDesk, Write, take_step


async def restore_outage(desk: OutageDesk, outage_id: UUID, asked: Asked, *, answer: Write) -> Answer:
    """Say that the power is back. Raises what outages/core/outage.py `restore` raises."""
    return await take_step(desk, outage_id, asked, lambda found, now: restore(found, now=now), answer=answer)
