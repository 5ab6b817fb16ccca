"""`receipt`: what providers told us, as it came; the work is done from the stored row. `receipt_key` tells a repeated one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gridcare.postgres.database import Connection
from gridcare.postgres.poison.store import workable
from outage_notifier.receipts.core.receipt import ReceiptResult, ReceiptSource


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """A receipt that is to be applied; its body is sealed."""

    receipt_id: int
    dedup_key: str
    attempt_name: str | None
    body_sealed: bytes
    received_at: datetime


_ADD = """
WITH fresh AS (
    INSERT INTO receipt_key (source, dedup_key, attempt_name, noted_at) VALUES ($1, $2, $3, $5)
    ON CONFLICT DO NOTHING RETURNING source, dedup_key, attempt_name
)
INSERT INTO receipt (source, dedup_key, attempt_name, body_sealed, received_at, apply_at)
SELECT source, dedup_key, attempt_name, $4, $5, $5 FROM fresh
ON CONFLICT (source, dedup_key) DO NOTHING RETURNING receipt_id
"""
_IS_DUE = f"""applied_at IS NULL AND apply_at <= $1 AND body_sealed IS NOT NULL
  AND {workable("receipt", "receipt_id::text")}"""
ANY_DUE: Final = f"""
SELECT true FROM receipt WHERE source = 'twilio' AND {_IS_DUE} ORDER BY apply_at, receipt_id LIMIT 1
"""
_TAKE = f"""
SELECT receipt_id, dedup_key, attempt_name, body_sealed, received_at FROM receipt
WHERE source = $2 AND {_IS_DUE}
ORDER BY apply_at, receipt_id LIMIT $3 FOR UPDATE SKIP LOCKED
"""
_APPLIED = """
UPDATE receipt r SET applied_at = $3, result = a.result
FROM unnest($1::bigint[], $2::text[]) AS a (receipt_id, result) WHERE r.receipt_id = a.receipt_id
"""
_LATER = """
UPDATE receipt r SET apply_at = a.apply_at
FROM unnest($1::bigint[], $2::timestamptz[]) AS a (receipt_id, apply_at) WHERE r.receipt_id = a.receipt_id
"""
_OF_OTHERS = """
SELECT m.message_id FROM unnest($1::text[]) AS m (message_id)
WHERE EXISTS (
    SELECT FROM receipt_key r
    WHERE r.source = 'twilio' AND r.dedup_key > m.message_id || ':' AND r.dedup_key < m.message_id || ';'
      AND r.attempt_name <> $2)
"""
_FORGET_KEYS = """
DELETE FROM receipt_key WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM receipt_key WHERE noted_at < $1 ORDER BY noted_at LIMIT $2))
"""


def dedup_key(message_id: str, status: str) -> str:
    """Return the key of a message in a status, which Twilio may report any number of times."""
    return f"{message_id}:{status}"


async def add(
    tx: Connection, *, source: ReceiptSource, key: str, attempt_name: str | None, body_sealed: bytes, now: datetime
) -> bool:
    """Store a receipt. Return False when it is known already."""
    return await tx.fetchval(_ADD, source, key, attempt_name, body_sealed, now) is not None


async def take(tx: Connection, *, source: ReceiptSource, now: datetime, limit: int) -> list[StoredReceipt]:
    """Lock receipts that are to be applied, in the order in which they came; those that others hold are passed over."""
    return [StoredReceipt(**row) for row in await tx.fetch(_TAKE, now, source, limit)]


async def applied(tx: Connection, results: Sequence[tuple[int, ReceiptResult]], *, now: datetime) -> None:
    """Mark receipts as done with; `results` says what became of each."""
    await tx.execute(_APPLIED, [receipt_id for receipt_id, _ in results], [result for _, result in results], now)


async def later(tx: Connection, times: Sequence[tuple[int, datetime]]) -> None:
    """Put receipts off, each to its time."""
    await tx.execute(_LATER, [receipt_id for receipt_id, _ in times], [at for _, at in times])


async def of_other_attempts(tx: Connection, message_ids: Sequence[str], attempt_name: str) -> set[str]:
    """Return those messages that belong to another attempt, as a receipt says."""
    return {row["message_id"] for row in await tx.fetch(_OF_OTHERS, list(message_ids), attempt_name)}


async def forget_keys(tx: Connection, *, before: datetime, limit: int) -> int:
    """Delete the keys of receipts that came before a time, at most `limit`, and return how many."""
    tag: str = await tx.execute(_FORGET_KEYS, before, limit)
    return int(tag.split()[1])
