"""Do what a stored provider message makes true: move the money in the ledger, settle the attempt, publish the receipt."""

from datetime import datetime
from uuid import UUID

from billing_gateway.bills.store import bill
from billing_gateway.callbacks import store as provider_event
from billing_gateway.callbacks.core import Decision, HandlingOutcome, Matched, decide
from billing_gateway.ledger import store as ledger
from billing_gateway.payments import store as payment
from billing_gateway.payments.core import ProviderReport
from billing_gateway.payments.room import SOURCE, PaymentDesk
from billing_gateway.providers.provider import Unreadable
from gridcare.errors import Retryable
from gridcare.events.payments import Provider
from gridcare.observability.logging import get_logger
from gridcare.postgres import outbox
from gridcare.postgres.database import Connection
from gridcare.values.ids import uuid7

BATCH_SIZE_MAX = 100
"""Messages of one round; what is left waits for the next."""

logger = get_logger()


async def handle_provider_event(desk: PaymentDesk, provider_event_id: UUID) -> HandlingOutcome | None:
    """Work on one stored message; what was done, or None when it was worked on before. Raises Retryable."""
    now = desk.clock.now()
    async with desk.db.transaction() as tx:
        stored = await provider_event.lock_unhandled(tx, provider_event_id)
        if stored is None:
            return None
        try:
            report = desk.providers[stored.provider].read(stored.raw)
        except Unreadable:
            decision = Decision(outcome="unreadable")
        else:
            decision = await _decide(tx, report, provider_event_id, now)
        if decision.transaction is not None:
            await ledger.add(tx, decision.transaction)
        if decision.payment is not None:
            await payment.save(tx, decision.payment)
        if decision.event is not None:
            await outbox.append(tx, [decision.event], source=SOURCE, now=now)
        await provider_event.mark_handled(tx, provider_event_id, outcome=decision.outcome, now=now)
    _tell(stored.provider, provider_event_id, decision)
    return decision.outcome


async def handle_waiting_events(desk: PaymentDesk) -> int:
    """Work on the messages that nothing was done with yet; how many. Raises Retryable.

    One that meets a bug does not keep the others waiting: they are worked on first, then its error is raised.
    """
    async with desk.db.read() as connection:
        waiting = await provider_event.unhandled(connection, limit=BATCH_SIZE_MAX)
    bug: Exception | None = None
    for provider_event_id in waiting:
        try:
            await handle_provider_event(desk, provider_event_id)
        except Retryable:
            raise
        except Exception as error:  # noqa: BLE001 - raised below, after the others had their turn
            bug = error
    if bug is not None:
        raise bug
    return len(waiting)


async def _decide(tx: Connection, report: ProviderReport, provider_event_id: UUID, now: datetime) -> Decision:
    matched = await _match(tx, report)
    recorded = await ledger.recorded(tx, report.provider, report.transaction_number) if report.money_moved else None
    return decide(report, matched, recorded, provider_event_id=provider_event_id, transaction_id=uuid7(now), now=now)


async def _match(tx: Connection, report: ProviderReport) -> Matched | None:
    """Find and hold the bill and the attempt, in this order, like everybody who holds both."""
    found = await payment.by_order_reference(tx, report.provider, report.order_reference)
    if found is None:
        return None
    standing = await bill.lock(tx, found.bill_id)
    attempt = await payment.lock(tx, found.payment_id)
    return Matched(attempt, standing) if attempt and standing else None


def _tell(provider: Provider, provider_event_id: UUID, decision: Decision) -> None:
    tell = logger.warning if decision.outcome in {"suspended", "unreadable"} else logger.info
    tell(
        "provider_event_handled",
        provider=provider,
        provider_event_id=provider_event_id,
        outcome=decision.outcome,
        reason=decision.transaction.reason if decision.transaction else None,
        payment_id=decision.payment.payment_id if decision.payment else None,
    )
