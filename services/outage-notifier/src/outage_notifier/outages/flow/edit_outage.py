"""Edit a draft."""

from uuid import UUID

from gridcare.postgres.idempotency import Answer
from outage_notifier.outages.core.outage import OutageDocument, edit
from outage_notifier.outages.flow.outage_desk import Asked, OutageDesk, Write, take_step


async def edit_outage(
    desk: OutageDesk, outage_id: UUID, document: OutageDocument, asked: Asked, *, answer: Write
) -> Answer:
    """Replace what a draft says. Raises what outages/core/outage.py `edit` raises."""
    return await take_step(
        desk, outage_id, asked, lambda found, now: edit(found, document, rules=desk.rules, now=now), answer=answer
    )
