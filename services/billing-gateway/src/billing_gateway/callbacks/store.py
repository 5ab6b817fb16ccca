"""Table `provider_event`: what providers told us, as it came."""

from datetime import datetime
from typing import Final
from uuid import UUID

from billing_gateway.callbacks.core import HandlingOutcome, ProviderEvent
from billing_gateway.providers.core import SignedMessage
from gridcare.events.payments import Provider
from gridcare.postgres.database import Connection
from gridcare.postgres.poison.store import workable

_ADD = """
INSERT INTO provider_event (
    provider_event_id, provider, order_reference, transaction_number, response_code, transaction_status, raw, received_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT ON CONSTRAINT provider_event_unique DO NOTHING
"""
_LOCK_UNHANDLED = """
SELECT provider_event_id, provider, raw, received_at FROM provider_event
WHERE provider_event_id = $1 AND handled_at IS NULL FOR NO KEY UPDATE
"""
_MARK_HANDLED = "UPDATE provider_event SET handled_at = $2, outcome = $3 WHERE provider_event_id = $1"
_IS_UNHANDLED = f"handled_at IS NULL AND {workable('provider-event', 'provider_event_id::text')}"
_UNHANDLED = f"SELECT provider_event_id FROM provider_event WHERE {_IS_UNHANDLED} ORDER BY received_at LIMIT $1"
ANY_UNHANDLED: Final = f"SELECT true FROM provider_event WHERE {_IS_UNHANDLED} ORDER BY received_at LIMIT 1"


async def add(
    tx: Connection, message: SignedMessage, *, provider_event_id: UUID, provider: Provider, now: datetime
) -> bool:
    """Store a verified message. Return False when it is stored already."""
    tag: str = await tx.execute(
        _ADD,
        *(provider_event_id, provider, message.order_reference, message.transaction_number),
        *(message.response_code, message.transaction_status, message.raw, now),
    )
    return tag == "INSERT 0 1"


async def lock_unhandled(tx: Connection, provider_event_id: UUID) -> ProviderEvent | None:
    """Return an event that was not handled yet, and hold it. Return None when it was handled."""
    row = await tx.fetchrow(_LOCK_UNHANDLED, provider_event_id)
    return ProviderEvent(**row) if row else None


async def mark_handled(tx: Connection, provider_event_id: UUID, *, outcome: HandlingOutcome, now: datetime) -> None:
    """Note what was done with an event; the database refuses a second note."""
    await tx.execute(_MARK_HANDLED, provider_event_id, now, outcome)


async def unhandled(connection: Connection, *, limit: int) -> list[UUID]:
    """Return the ids of events that were not handled yet and are not set aside, oldest first."""
    return [row["provider_event_id"] for row in await connection.fetch(_UNHANDLED, limit)]
