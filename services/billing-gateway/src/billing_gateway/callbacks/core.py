"""What to do about a provider's report: what it is answered, and what becomes true.

The checks come in VNPay's order (signature, order, amount, repeat), and one rule is ours: money that moved is never
refused, it is recorded or suspended. What a provider's acceptance test wants to hear changes the answer alone.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from billing_gateway.bills.core import BillStanding
from billing_gateway.ledger import core as ledger
from billing_gateway.ledger.core import LedgerTransaction, Money, RecordedMoney, SuspenseReason
from billing_gateway.payments import core as payment
from billing_gateway.payments.core import Payment
from billing_gateway.providers.core import ProviderReport, Verdict
from gridcare.events.payments import PaymentRecorded, Provider

HandlingOutcome = Literal["recorded", "released", "suspended", "failed", "repeated", "unmatched", "unreadable"]


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """A provider's message as it was stored, to be handled."""

    provider_event_id: UUID
    provider: Provider
    raw: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Matched:
    """The payment that a report is about, and its bill."""

    payment: Payment
    standing: BillStanding


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """What becomes true: a movement of money, the payment's new state, an event; None for what does not change."""

    outcome: HandlingOutcome
    transaction: LedgerTransaction | None = None
    payment: Payment | None = None
    event: PaymentRecorded | None = None


def verdict(report: ProviderReport, begun: Payment | None, *, fresh: bool, acceptance_answers: bool = False) -> Verdict:
    """Return the answer to a report that has a good signature and is stored; `fresh`: for the first time.

    Money that moved is accepted, since it is at least in suspense; with `acceptance_answers` it is answered like money that did
    not move, and any further report about an order that has its result is a repeat. What becomes true is the same.
    """
    if acceptance_answers or not report.money_moved:
        if begun is None:
            return Verdict.UNKNOWN_ORDER
        if begun.amount_vnd != report.amount_vnd:
            return Verdict.WRONG_AMOUNT
    has_result = acceptance_answers and begun is not None and begun.state in {"succeeded", "failed"}
    return Verdict.ACCEPTED if fresh and not has_result else Verdict.REPEATED


def decide(
    report: ProviderReport,
    matched: Matched | None,
    recorded: RecordedMoney | None,
    *,
    provider_event_id: UUID,
    transaction_id: UUID,
    now: datetime,
) -> Handling:
    """Decide what a stored report makes true, given the payment that it is about and what the ledger has of its money."""
    if not report.money_moved:
        return _no_money(report, matched, now)
    money = Money(report.provider, report.transaction_number, provider_event_id, report.amount_vnd)
    doubt = _doubt(report, matched)
    if recorded is not None:
        waiting = recorded.reason == "suspected_fraud" and not recorded.released
        if matched is None or doubt is not None or not waiting:
            return Handling(outcome="repeated")
        transaction = ledger.suspense_released(
            matched.standing.bill,
            matched.standing.balance,
            money,
            releases=recorded.transaction_id,
            payment_id=matched.payment.payment_id,
            transaction_id=transaction_id,
            now=now,
        )
        return _paid(report, matched, transaction, outcome="released")
    if matched is None or doubt is not None:
        return _suspended(money, doubt or "unknown_order", matched, transaction_id=transaction_id, now=now)
    transaction = ledger.payment_recorded(
        matched.standing.bill,
        matched.standing.balance,
        money,
        payment_id=matched.payment.payment_id,
        transaction_id=transaction_id,
        now=now,
    )
    return _paid(report, matched, transaction, outcome="recorded")


def _doubt(report: ProviderReport, matched: Matched | None) -> SuspenseReason | None:
    """Return why a person has to look at the money before it is booked to a bill, or None."""
    if matched is None:
        return "unknown_order"
    if report.amount_vnd != matched.payment.amount_vnd:
        return "wrong_amount"
    if report.result == "suspected":
        return "suspected_fraud"
    return "order_already_paid" if matched.payment.state == "succeeded" else None


def _no_money(report: ProviderReport, matched: Matched | None, now: datetime) -> Handling:
    if matched is None or matched.payment.amount_vnd != report.amount_vnd:
        return Handling(outcome="unmatched")
    changed = payment.failed(matched.payment, report.reason or "refused", now)
    return Handling(outcome="failed", payment=changed if changed is not matched.payment else None)


def _suspended(
    money: Money, reason: SuspenseReason, matched: Matched | None, *, transaction_id: UUID, now: datetime
) -> Handling:
    begun = matched.payment if matched else None
    changed = payment.held(begun, reason, now) if begun else None
    return Handling(
        outcome="suspended",
        transaction=ledger.money_suspended(
            money,
            reason,
            bill_id=begun.bill_id if begun else None,
            payment_id=begun.payment_id if begun else None,
            transaction_id=transaction_id,
            now=now,
        ),
        payment=changed if changed is not begun else None,
    )


def _paid(
    report: ProviderReport, matched: Matched, transaction: LedgerTransaction, *, outcome: HandlingOutcome
) -> Handling:
    bill = matched.standing.bill
    now = transaction.recorded_at
    changed = payment.succeeded(matched.payment, now)
    event = PaymentRecorded(
        version=changed.version,
        customer_code=bill.customer_code,
        payment_id=changed.payment_id,
        bill_id=bill.bill_id,
        bill_number=bill.bill_number,
        provider=report.provider,
        amount_vnd=report.amount_vnd,
        paid_at=report.paid_at or now,
        bill_outstanding_vnd=ledger.after(matched.standing.balance, report.amount_vnd).outstanding_vnd,
    )
    return Handling(outcome=outcome, transaction=transaction, payment=changed, event=event)
