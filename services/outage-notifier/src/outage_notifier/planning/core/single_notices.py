"""What one customer is told about their ticket or payment: a notice with one recipient."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from gridcare.events.payments import PaymentRecorded
from gridcare.events.tickets import TicketAttached, TicketEvent, TicketOpened
from outage_notifier.ledger.core.notice import Intent
from outage_notifier.texts.template import Kind

TICKET_USEFUL: Final = timedelta(hours=24)
"""By then the team has called or come, and says more than this message."""
ATTACHED_USEFUL_MIN: Final = timedelta(hours=2)
"""A cut that outlives its expected end still explains the ticket."""
RECEIPT_USEFUL: Final = timedelta(days=3)
"""Payers expect the receipt soon; after some days they look in the app's list of payments instead."""


@dataclass(frozen=True, slots=True)
class Single:
    """A notice that one event asks for; `kind` is its template's name, `tag` what it replaces on a screen."""

    kind: Kind
    recipient_id: str
    tag: str
    useful_until: datetime
    slots: dict[str, Any]

    def intent(self, now: datetime) -> Intent:
        """Return the notice to be scheduled, due now."""
        return Intent(self.kind, "one", now, self.useful_until, self.slots)


def of_ticket(event: TicketEvent, happened_at: datetime) -> Single | None:
    """Return what the customer is told of an event about a ticket, or None if the event has no message."""
    slots: dict[str, Any] = {"reference": event.reference, "ticket_id": str(event.ticket_id)}
    if event.outage_id:
        slots["outage_id"] = str(event.outage_id)
    kind: Kind
    if isinstance(event, TicketOpened):
        kind, until = "ticket-opened", happened_at + TICKET_USEFUL
    elif isinstance(event, TicketAttached):
        end = event.expected_end_at
        kind, until = "ticket-attached", happened_at + (ATTACHED_USEFUL_MIN if end else TICKET_USEFUL)
        until = max(until, end) if end else until
        slots["expected_end_at"] = end.isoformat() if end else None
    else:
        return None
    return Single(kind, event.customer_code, f"ticket-{event.ticket_id}", until, slots)


def of_payment(event: PaymentRecorded, happened_at: datetime) -> Single:
    """Return the receipt of a payment."""
    slots = {
        "amount_vnd": event.amount_vnd,
        "bill_number": event.bill_number,
        "bill_id": str(event.bill_id),
        "payment_id": str(event.payment_id),
    }
    until = happened_at + RECEIPT_USEFUL
    return Single("payment-received", event.customer_code, f"payment-{event.payment_id}", until, slots)
