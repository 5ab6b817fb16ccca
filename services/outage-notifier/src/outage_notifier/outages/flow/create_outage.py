"""Create an outage as a draft."""

from datetime import datetime

from gridcare.postgres.database import Connection
from gridcare.postgres.idempotency import Answer
from gridcare.values.ids import uuid7
from outage_notifier.outages.core.outage import Kind, OutageDocument, Step, create
from outage_notifier.outages.flow.outage_desk import Asked, OutageDesk, Write, once, refuse_unknown


async def create_outage(
    desk: OutageDesk, kind: Kind, document: OutageDocument, asked: Asked, *, answer: Write
) -> Answer:
    """Write a draft, once for each Idempotency-Key. Raises Unprocessable for windows or a scope that cannot be."""

    async def step(tx: Connection, now: datetime) -> Step:
        decided = create(uuid7(now), kind, document, by=asked.request.caller, rules=desk.rules, now=now)
        await refuse_unknown(tx, document.scope)
        return decided

    return await once(desk, asked, step, answer=answer)
