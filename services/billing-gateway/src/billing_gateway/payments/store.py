"""Table `payment`."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from billing_gateway.payments.core import DuePayment, Payment
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
_LOCK_TO_ASK = f"SELECT {_COLUMNS}, asked FROM payment WHERE payment_id = $1 FOR NO KEY UPDATE"
_IS_DUE = f"""
state = 'begun' AND expires_at <= $1 AND (ask_at IS NULL OR ask_at <= $1)
AND {workable("inquiry", "payment_id::text")} AND {workable("inquiry-claim", "payment_id::text")}
"""
ANY_DUE: Final = f"SELECT true FROM payment WHERE {_IS_DUE} ORDER BY expires_at LIMIT 1"
_LOCK_DUE = f"""
SELECT {_COLUMNS}, asked FROM payment WHERE {_IS_DUE}
ORDER BY coalesce(ask_at, expires_at) LIMIT $2 FOR NO KEY UPDATE OF payment SKIP LOCKED
"""
_PUT_OFF = "UPDATE payment SET asked = $2, ask_at = $3 WHERE payment_id = $1"


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


async def lock_to_ask(tx: Connection, payment_id: UUID) -> DuePayment | None:
    """Return a payment in any state, and how often its provider was asked, or None; and hold it."""
    row = await tx.fetchrow(_LOCK_TO_ASK, payment_id)
    return _due(dict(row)) if row else None


async def lock_due(tx: Connection, *, now: datetime, limit: int) -> list[DuePayment]:
    """Return payments that their provider is to be asked about, those that wait longest first, and hold them."""
    return [_due(dict(row)) for row in await tx.fetch(_LOCK_DUE, now, limit)]


async def put_off(tx: Connection, payment_id: UUID, asked: int, ask_at: datetime) -> None:
    """Note that the provider is being asked for the `asked`-th time, and when it may be asked again."""
    await tx.execute(_PUT_OFF, payment_id, asked, ask_at)


def _due(columns: dict[str, Any]) -> DuePayment:
    asked = columns.pop("asked")
    return DuePayment(Payment(**columns), asked)
