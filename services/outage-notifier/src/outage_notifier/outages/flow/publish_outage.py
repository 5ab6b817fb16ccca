"""Publish an outage: the revision, its event and its notices in one transaction."""

from uuid import UUID

from gridcare.postgres.idempotency import Answer
from outage_notifier.outages.core.outage import publish
from outage_notifier.outages.flow.outage_desk import Asked, OutageDesk, Write, take_step


async def publish_outage(desk: OutageDesk, outage_id: UUID, asked: Asked, *, late_reason: str, answer: Write) -> Answer:
    """Publish a draft; customers hear of it from now on. Raises what outages/core/outage.py `publish` raises."""
    return await take_step(
        desk,
        outage_id,
        asked,
        lambda found, now: publish(found, late_reason=late_reason, rules=desk.rules, now=now),
        answer=answer,
        counted=True,
    )
