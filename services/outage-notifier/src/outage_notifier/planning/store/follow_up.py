"""Deliveries that are due again."""

from datetime import datetime
from typing import Final

from gridcare.postgres.database import Connection
from outage_notifier.ledger.core.delivery import State
from outage_notifier.ledger.store.delivery import Key

CUT_FROM: Final = frozenset({State.HELD, State.RETRYING, State.AWAITING})
"""What is unknown is asked of the provider first (receipts/flow/resolve_unknown.py)."""

_DUE = """
SELECT notice_id, recipient_id FROM delivery
WHERE next_attempt_at <= $1 AND state = ANY($2::text[]) AND follow_up_batch_id IS NULL
ORDER BY next_attempt_at LIMIT $3
"""


async def due(tx: Connection, *, now: datetime, limit: int) -> list[Key]:
    """Find deliveries that are due, the longest waiting first; unlocked, so look again under their locks."""
    rows = await tx.fetch(_DUE, now, [state.value for state in CUT_FROM], limit)
    return [(row[0], row[1]) for row in rows]
