"""Revise a published outage: who was told hears the change, who was not gets an announcement."""

from uuid import UUID

from gridcare.postgres.idempotency import Answer
from outage_notifier.outages.core.outage import OutageDocument, revise
from outage_notifier.outages.flow.outage_desk import Asked, OutageDesk, Write, take_step


async def revise_outage(
    desk: OutageDesk, outage_id: UUID, document: OutageDocument, asked: Asked, *, answer: Write
) -> Answer:
    """Replace what a published outage says; what is unsent of it is stopped. Raises what `core.outage.revise` raises."""
    return await take_step(
        desk,
        outage_id,
        asked,
        lambda found, now: revise(found, document, rules=desk.rules, now=now),
        answer=answer,
        counted=True,
    )
