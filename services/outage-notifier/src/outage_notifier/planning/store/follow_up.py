"""Deliveries that are due again."""

from datetime import datetime
from typing import Final
from uuid import UUID

from gridcare.postgres.database import Connection
from gridcare.postgres.poison.store import workable
from outage_notifier.ledger.core.delivery import OPEN, DeliveryKey
from outage_notifier.ledger.core.delivery_id import DeliveryId
from outage_notifier.ledger.store.cover import NAME_OF_DELIVERY
from outage_notifier.ledger.store.notice import LANE_RANK
from outage_notifier.planning.core.follow_up import CUT_FROM

WINDOW: Final = 10
"""How many times as many as are cut are looked at: among these the order is exact. A million due ones pass in a minute."""

# OFFSET 0 keeps the look at each notice a look by its key: a join could read all notices there ever were.
_IS_DUE = f"""next_attempt_at <= $1 AND state = ANY({{states}}) AND follow_up_batch_id IS NULL
      AND {workable("follow-up", "notice_id || '-' || number")}"""
_DUE = f"""
SELECT d.notice_id, d.recipient_id, d.number
FROM (
    SELECT notice_id, recipient_id, number, next_attempt_at FROM delivery
    WHERE {_IS_DUE.format(states="$2::text[]")}
    ORDER BY next_attempt_at LIMIT $4
) AS d
CROSS JOIN LATERAL (SELECT lane, useful_until FROM notice n WHERE n.notice_id = d.notice_id OFFSET 0) AS n
ORDER BY {LANE_RANK.format("n.lane")}, n.useful_until, d.next_attempt_at LIMIT $3
"""
_STATES: Final = ", ".join(f"'{state.value}'" for state in sorted(CUT_FROM))
ANY_DUE: Final = f"""
SELECT true FROM delivery WHERE {_IS_DUE.format(states=f"ARRAY[{_STATES}]")} ORDER BY next_attempt_at LIMIT 1
"""
# One look for each batch that is named, from index entry to index entry: not one for each delivery in it. A subquery, since
# a join could read all batches there ever were.
_STRAYS = f"""
WITH RECURSIVE named AS (
    (SELECT follow_up_batch_id AS batch_id FROM delivery WHERE follow_up_batch_id IS NOT NULL ORDER BY 1 LIMIT 1)
    UNION ALL
    SELECT (SELECT d.follow_up_batch_id FROM delivery d WHERE d.follow_up_batch_id > n.batch_id ORDER BY 1 LIMIT 1)
    FROM named n WHERE n.batch_id IS NOT NULL
)
SELECT d.notice_id, d.recipient_id, n.batch_id
FROM named n CROSS JOIN LATERAL (
    SELECT notice_id, recipient_id FROM delivery
    WHERE follow_up_batch_id = n.batch_id AND next_attempt_at IS NULL AND state = ANY($1::text[])
      AND {workable("stray", NAME_OF_DELIVERY)}
    LIMIT $2
) AS d
WHERE coalesce((SELECT b.state FROM batch b WHERE b.batch_id = n.batch_id), 'settled') = 'settled'
LIMIT $2
"""


async def due(tx: Connection, *, now: datetime, limit: int) -> dict[DeliveryKey, DeliveryId]:
    """Find deliveries that are due, by their keys; unlocked, so look again under their locks.

    Of the longest waiting, WINDOW times `limit`, the urgent ones come first, then those whose use ends first.
    """
    rows = await tx.fetch(_DUE, now, [state.value for state in CUT_FROM], limit, limit * WINDOW)
    return {(row["notice_id"], row["recipient_id"]): DeliveryId(row["notice_id"], row["number"]) for row in rows}


async def strays(tx: Connection, *, limit: int) -> dict[DeliveryKey, UUID]:
    """Find open deliveries whose follow-up batch settled without them, or is not there, with that batch; unlocked."""
    rows = await tx.fetch(_STRAYS, [state.value for state in OPEN], limit)
    return {(row["notice_id"], row["recipient_id"]): row["batch_id"] for row in rows}
