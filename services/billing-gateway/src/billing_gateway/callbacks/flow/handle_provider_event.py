"""Handle a stored provider event: move the money in the ledger, settle the payment, publish the receipt."""

from datetime import datetime
from typing import Final
from uuid import UUID

from billing_gateway import NAME
from billing_gateway.bills.store import bill
from billing_gateway.callbacks import store as provider_event
from billing_gateway.callbacks.core import Handling, HandlingOutcome, Matched, ProviderEvent, decide
from billing_gateway.callbacks.room import Callbacks
from billing_gateway.ledger import store as ledger
from billing_gateway.payments import store as payment
from billing_gateway.providers.core import ProviderReport, Unreadable
from gridcare.observability.logging import get_logger
from gridcare.postgres import outbox
from gridcare.postgres.database import Connection
from gridcare.process.crash_points import reach
from gridcare.values.ids import uuid7

BATCH_SIZE_MAX = 100
"""Events of one round; the rest waits for the next."""

EVENTS_WAITING: Final = provider_event.ANY_UNHANDLED

logger = get_logger()


async def handle_provider_event(provider_event_id: UUID, *, room: Callbacks) -> HandlingOutcome | None:
    """Handle one stored event. Return what was done, or None when it was handled before. Raises Retryable."""
    now = room.clock.now()
    async with room.db.transaction() as tx:
        stored = await provider_event.lock_unhandled(tx, provider_event_id)
        if stored is None:
            return None
        decision = await apply_event(tx, stored, room=room, now=now)
    reach("callback.handled")
    log_handled(stored, decision)
    return decision.outcome


async def apply_event(tx: Connection, stored: ProviderEvent, *, room: Callbacks, now: datetime) -> Handling:
    """Make true in `tx` what a stored event says, and mark it as handled. Return what was done."""
    try:
        report = room.providers[stored.provider].read(stored.raw)
    except Unreadable:
        decision = Handling(outcome="unreadable")
    else:
        decision = await _decide(tx, report, stored.provider_event_id, now)
    if decision.transaction is not None:
        await ledger.add(tx, decision.transaction)
    if decision.payment is not None:
        await payment.save(tx, decision.payment)
    if decision.event is not None:
        await outbox.append(tx, [decision.event], source=NAME, now=now)
    await provider_event.mark_handled(tx, stored.provider_event_id, outcome=decision.outcome, now=now)
    return decision


async def handle_fresh_event(provider_event_id: UUID, *, room: Callbacks) -> None:
    """Handle an event that was just stored. One that raises is counted, and left to the worker. Raises Retryable."""
    await _guarded(provider_event_id, room, seen_before=False)


async def handle_waiting_events(*, room: Callbacks) -> int:
    """Handle the events that wait: an api stored them and did not get to their end. Return their number. Raises Retryable."""
    async with room.db.read() as connection:
        waiting = await provider_event.unhandled(connection, limit=BATCH_SIZE_MAX)
    for provider_event_id in waiting:
        await _guarded(provider_event_id, room, seen_before=True)
    return len(waiting)


async def _guarded(provider_event_id: UUID, room: Callbacks, *, seen_before: bool) -> None:
    async def handle() -> None:
        await handle_provider_event(provider_event_id, room=room)

    await room.guard.run("provider-event", str(provider_event_id), handle, seen_before=seen_before)


async def _decide(tx: Connection, report: ProviderReport, provider_event_id: UUID, now: datetime) -> Handling:
    matched = await _match(tx, report)
    recorded = await ledger.recorded(tx, report.provider, report.transaction_number) if report.money_moved else None
    return decide(report, matched, recorded, provider_event_id=provider_event_id, transaction_id=uuid7(now), now=now)


async def _match(tx: Connection, report: ProviderReport) -> Matched | None:
    """Lock and return the bill and the payment that a report is about, in this order as everywhere else."""
    known = await payment.by_order_reference(tx, report.provider, report.order_reference)
    if known is None:
        return None
    standing = await bill.lock(tx, known.bill_id)
    begun = await payment.lock(tx, known.payment_id)
    return Matched(begun, standing) if begun and standing else None


def log_handled(handled: ProviderEvent, decision: Handling) -> None:
    """Log what was done, once it is committed."""
    log = logger.warning if decision.outcome in {"suspended", "unreadable"} else logger.info
    log(
        "provider_event_handled",
        provider=handled.provider,
        provider_event_id=handled.provider_event_id,
        outcome=decision.outcome,
        reason=decision.transaction.reason if decision.transaction else None,
        payment_id=decision.payment.payment_id if decision.payment else None,
    )
