"""`receipt` rows of source `app`: received marks that came before their delivery had a row."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gridcare.postgres.database import Connection
from gridcare.postgres.poison.store import workable
from outage_notifier.ledger.core.delivery import DeliveryKey
from outage_notifier.ledger.core.delivery_id import DeliveryId


@dataclass(frozen=True, slots=True)
class StoredMark:
    """A mark that is to be applied."""

    receipt_id: int
    key: DeliveryKey
    received_at: datetime


_RECORDED = """
SELECT recipient_id FROM delivery WHERE notice_id = $1 AND number = $2 AND recipient_id = ANY($3::text[])
"""
# A push that arrived without being recorded yet belongs to a batch that a sender has claimed: a few batches at any time.
_UNDER_WAY = """
SELECT m.value ->> 1 FROM batch b CROSS JOIN LATERAL jsonb_array_elements(b.members) AS m
WHERE b.notice_id = $1 AND b.home AND b.channel = 'push' AND b.state = 'ready' AND b.attempt > 0
  AND (m.value ->> 0)::int = $2 AND m.value ->> 1 = ANY($3::text[])
LIMIT 1
"""
_SINGLE_UNDER_WAY = """
SELECT recipient_id FROM notice
WHERE notice_id = $1 AND $2::int = 1 AND recipient_id = ANY($3::text[]) AND state = 'planned'
"""
_ADD = """
WITH fresh AS (
    INSERT INTO receipt_key (source, dedup_key, noted_at) VALUES ('app', $1, $4) ON CONFLICT DO NOTHING RETURNING dedup_key
)
INSERT INTO receipt (source, dedup_key, notice_id, recipient_id, received_at, apply_at)
SELECT 'app', dedup_key, $2, $3, $4, $4 FROM fresh
ON CONFLICT (source, dedup_key) DO NOTHING
"""
_IS_DUE = f"source = 'app' AND applied_at IS NULL AND apply_at <= $1 AND {workable('receipt', 'receipt_id::text')}"
ANY_DUE: Final = f"SELECT true FROM receipt WHERE {_IS_DUE} ORDER BY apply_at, receipt_id LIMIT 1"
_TAKE = f"""
SELECT receipt_id, notice_id, recipient_id, received_at FROM receipt
WHERE {_IS_DUE}
ORDER BY apply_at, receipt_id LIMIT $2 FOR UPDATE SKIP LOCKED
"""


async def recorded(tx: Connection, delivery_id: DeliveryId, customer_codes: Collection[str]) -> DeliveryKey | None:
    """Find a delivery of one of these customers that has a row."""
    return await _find(tx, _RECORDED, delivery_id, customer_codes)


async def under_way(tx: Connection, delivery_id: DeliveryId, customer_codes: Collection[str]) -> DeliveryKey | None:
    """Find a delivery of one of these customers that was planned, and that a sender may have pushed already."""
    single = await _find(tx, _SINGLE_UNDER_WAY, delivery_id, customer_codes)
    return single or await _find(tx, _UNDER_WAY, delivery_id, customer_codes)


async def add(tx: Connection, delivery_id: DeliveryId, key: DeliveryKey, *, now: datetime) -> None:
    """Store a mark. Idempotent."""
    await tx.execute(_ADD, str(delivery_id), *key, now)


async def take(tx: Connection, *, now: datetime, limit: int) -> Sequence[StoredMark]:
    """Lock marks that are to be applied; those that others hold are passed over."""
    return [
        StoredMark(row["receipt_id"], (row["notice_id"], row["recipient_id"]), row["received_at"])
        for row in await tx.fetch(_TAKE, now, limit)
    ]


async def _find(
    tx: Connection, query: str, delivery_id: DeliveryId, customer_codes: Collection[str]
) -> DeliveryKey | None:
    recipient: str | None = await tx.fetchval(query, delivery_id.notice_id, delivery_id.number, list(customer_codes))
    return None if recipient is None else (delivery_id.notice_id, recipient)
