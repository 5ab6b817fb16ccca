"""Deliveries that are due again."""

from datetime import datetime

from gridcare.postgres.database import Connection
from outage_notifier.ledger.core.delivery import DeliveryKey
from outage_notifier.planning.core.follow_up import CUT_FROM

_DUE = """
SELECT notice_id, recipient_id FROM delivery
WHERE next_attempt_at <= $1 AND state = ANY($2::text[]) AND follow_up_batch_id IS NULL
ORDER BY next_attempt_at LIMIT $3
"""


async def due(tx: Connection, *, now: datetime, limit: int) -> list[DeliveryKey]:
    """Find deliveries that are due, the longest waiting first; unlocked, so look again under their locks."""
    rows = await tx.fetch(_DUE, now, [state.value for state in CUT_FROM], limit)
    return [(row["notice_id"], row["recipient_id"]) for row in rows]
