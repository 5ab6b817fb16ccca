"""Table `payment`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from billing_gateway.payments.core import Payment
from gridcare.events.payments import Provider
from gridcare.postgres.database import Connection
from gridcare.postgres.poison.store import workable

_COLUMNS = """
payment_id, bill_id, provider, order_reference, amount_vnd, begun_at, expires_at, state, reason, settled_at, version
"""
_ADD = f"INSERT INTO payment ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
_SAVE = "UPDATE payment SET state = $2, reason = $3, settled_at = $4, version = $5 WHERE payment_id = $1"
_FIND = f"SELECT {_COLUMNS} FROM payment WHERE payment_id = $1"
_LOCK = f"{_FIND} FOR NO KEY UPDATE"
_BY_ORDER_REFERENCE = f"SELECT {_COLUMNS} FROM payment WHERE provider = $1 AND order_reference = $2"
_IS_EXPIRED = f"state = 'begun' AND expires_at <= $1 AND {workable('expiry', 'payment_id::text')}"
ANY_EXPIRED: Final = f"SELECT true FROM payment WHERE {_IS_EXPIRED} ORDER BY expires_at LIMIT 1"
_TAKE_EXPIRED = f"""
SELECT payment_id FROM payment WHERE {_IS_EXPIRED} ORDER BY expires_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
"""
_EXPIRE = """
UPDATE payment SET state = 'expired', settled_at = $2, version = version + 1 WHERE payment_id = ANY($1::uuid[])
"""


async def add(tx: Connection, payment: Payment) -> None:
    """Save a payment that just began."""
    await tx.execute(
        _ADD,
        *(payment.payment_id, payment.bill_id, payment.provider, payment.order_reference, payment.amount_vnd),
        *(payment.begun_at, payment.expires_at, payment.state, payment.reason, payment.settled_at, payment.version),
    )


async def save(tx: Connection, payment: Payment) -> None:
    """Save the new state of a payment whose row the caller holds."""
    await tx.execute(_SAVE, payment.payment_id, payment.state, payment.reason, payment.settled_at, payment.version)


async def find(connection: Connection, payment_id: UUID) -> Payment | None:
    """Return a payment of any customer, or None."""
    row = await connection.fetchrow(_FIND, payment_id)
    return Payment(**row) if row else None


async def lock(tx: Connection, payment_id: UUID) -> Payment | None:
    """Return a payment, or None, and hold it. Whoever needs its bill too must lock the bill first."""
    row = await tx.fetchrow(_LOCK, payment_id)
    return Payment(**row) if row else None


async def by_order_reference(connection: Connection, provider: Provider, order_reference: str) -> Payment | None:
    """Return the payment that a provider knows by this reference, or None."""
    row = await connection.fetchrow(_BY_ORDER_REFERENCE, provider, order_reference)
    return Payment(**row) if row else None


async def take_expired(tx: Connection, *, now: datetime, limit: int) -> list[UUID]:
    """Lock payments whose time has passed in silence; those that others hold are passed over."""
    return [row["payment_id"] for row in await tx.fetch(_TAKE_EXPIRED, now, limit)]


async def expire(tx: Connection, payment_ids: Sequence[UUID], *, now: datetime) -> None:
    """Mark payments that the caller holds as expired."""
    await tx.execute(_EXPIRE, payment_ids, now)
