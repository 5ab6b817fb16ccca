"""What to do with what a provider reports: the answer that it gets, and the work that is done for it.

The order of the checks is VNPay's (signature, order, amount, repeat), and one rule is ours: money that moved is never
refused, it is recorded or suspended.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, Literal
from uuid import UUID

from billing_gateway.bills.core import BillStanding
from billing_gateway.ledger import core as ledger
from billing_gateway.ledger.core import LedgerTransaction, Money, SuspenseReason
from billing_gateway.payments import core as payment
from billing_gateway.payments.core import Payment, ProviderReport
from gridcare.events.payments import PaymentRecorded

IDENTITY_LENGTH_MAX: Final = 100
"""The longest order reference or transaction number of any provider."""

HandlingOutcome = Literal["recorded", "released", "suspended", "failed", "repeated", "unmatched", "unreadable"]


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A message with a good signature: as it came, and what tells it from others (as written; empty where missing)."""

    raw: str
    order_reference: str
    transaction_number: str
    response_code: str
    transaction_status: str

    @property
    def storable(self) -> bool:
        """Whether its identity can be a key: text of a length that no provider exceeds."""
        identity = (self.order_reference, self.transaction_number, self.response_code, self.transaction_status)
        return all(len(part) <= IDENTITY_LENGTH_MAX and "\x00" not in part for part in identity)


class Verdict(Enum):
    """What a provider is answered."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    UNKNOWN_ORDER = "unknown-order"
    WRONG_AMOUNT = "wrong-amount"
    BAD_SIGNATURE = "bad-signature"
    NOT_UNDERSTOOD = "not-understood"


@dataclass(frozen=True, slots=True)
class Matched:
    """The attempt that a report is about, and its bill."""

    payment: Payment
    standing: BillStanding


@dataclass(frozen=True, slots=True)
class Recorded:
    """Money of this provider transaction that the ledger has already."""

    transaction_id: UUID
    reason: SuspenseReason | None
    """Why it went to suspense; None when it was recorded straight away."""
    released: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes true: a movement, the attempt's new state, an event; none where nothing does."""

    outcome: HandlingOutcome
    transaction: LedgerTransaction | None = None
    payment: Payment | None = None
    event: PaymentRecorded | None = None


def verdict(report: ProviderReport, attempt: Payment | None, *, fresh: bool) -> Verdict:
    """Choose the answer to a report whose signature is good and which is stored (`fresh`: it was not before)."""
    if not report.money_moved:
        if attempt is None:
            return Verdict.UNKNOWN_ORDER
        if attempt.amount_vnd != report.amount_vnd:
            return Verdict.WRONG_AMOUNT
    return Verdict.ACCEPTED if fresh else Verdict.REPEATED


def decide(
    report: ProviderReport,
    matched: Matched | None,
    recorded: Recorded | None,
    *,
    provider_event_id: UUID,
    transaction_id: UUID,
    now: datetime,
) -> Decision:
    """Decide what a stored report makes true, given what is true already."""
    if not report.money_moved:
        return _no_money(report, matched, now)
    money = Money(report.provider, report.transaction_number, provider_event_id, report.amount_vnd)
    doubt = _doubt(report, matched)
    if recorded is not None:
        waiting = recorded.reason == "suspected_fraud" and not recorded.released
        if matched is None or doubt is not None or not waiting:
            return Decision(outcome="repeated")
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
    """Say why money may not be booked to a bill by itself."""
    if matched is None:
        return "unknown_order"
    if report.amount_vnd != matched.payment.amount_vnd:
        return "wrong_amount"
    if report.outcome == "suspected":
        return "suspected_fraud"
    return "order_already_paid" if matched.payment.state == "succeeded" else None


def _no_money(report: ProviderReport, matched: Matched | None, now: datetime) -> Decision:
    if matched is None or matched.payment.amount_vnd != report.amount_vnd:
        return Decision(outcome="unmatched")
    changed = payment.failed(matched.payment, report.reason or "refused", now)
    return Decision(outcome="failed", payment=changed if changed is not matched.payment else None)


def _suspended(
    money: Money, reason: SuspenseReason, matched: Matched | None, *, transaction_id: UUID, now: datetime
) -> Decision:
    attempt = matched.payment if matched else None
    changed = payment.held(attempt, reason, now) if attempt else None
    return Decision(
        outcome="suspended",
        transaction=ledger.money_suspended(
            money,
            reason,
            bill_id=attempt.bill_id if attempt else None,
            payment_id=attempt.payment_id if attempt else None,
            transaction_id=transaction_id,
            now=now,
        ),
        payment=changed if changed is not attempt else None,
    )


def _paid(
    report: ProviderReport, matched: Matched, transaction: LedgerTransaction, *, outcome: HandlingOutcome
) -> Decision:
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
    return Decision(outcome=outcome, transaction=transaction, payment=changed, event=event)
