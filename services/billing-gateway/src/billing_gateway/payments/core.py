"""Payments of a bill: how they begin, and the states that they go through."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from billing_gateway.bills.core import BillStanding
from billing_gateway.ledger.core import SuspenseReason
from billing_gateway.providers.core import FailureReason, Locale
from gridcare.errors import Conflict, Unprocessable
from gridcare.events.payments import Provider

PAUSE_MAX: Final = timedelta(hours=1)
"""Between two questions about a payment."""

PaymentState = Literal["begun", "succeeded", "failed", "expired", "held"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginPayment:
    """What the payer asked for, and whose bills they may pay."""

    bill_id: UUID
    provider: Provider
    amount_vnd: int | None
    """None: all that is owed."""
    locale: Locale
    client_ip: str
    customer_codes: frozenset[str] | None
    """Whose bills the payer may pay; None: any customer's."""

    def may_pay_for(self, customer_code: str) -> bool:
        """Say whether the payer may pay this customer's bills."""
        return self.customer_codes is None or customer_code in self.customer_codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Money on its way for a bill through a provider, which knows it by its order reference."""

    payment_id: UUID
    bill_id: UUID
    provider: Provider
    order_reference: str
    amount_vnd: int
    begun_at: datetime
    expires_at: datetime
    state: PaymentState = "begun"
    reason: FailureReason | SuspenseReason | None = None
    settled_at: datetime | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class BegunPayment:
    """A new payment, and the signed address that its payer is sent to."""

    payment: Payment
    pay_address: str
    customer_code: str = ""
    """Whose bill it pays; empty in a result that the former release kept, which is shown to staff alone."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a provider takes in one payment, and how long it may last."""

    amount_min_vnd: int
    amount_max_vnd: int
    lifetime: timedelta


@dataclass(frozen=True, slots=True)
class Asking:
    """How a provider is asked about payments whose time passed in silence."""

    pause: timedelta
    """Until it is asked again about a payment; doubled each time, up to PAUSE_MAX."""
    patience: timedelta
    """How long after a payment's time it is asked again when it gives no definite answer."""
    per_minute_max: int


@dataclass(frozen=True, slots=True)
class DuePayment:
    """A payment that its provider is to be asked about, and how often it was."""

    payment: Payment
    asked: int


def begin(command: BeginPayment, standing: BillStanding, *, payment_id: UUID, limits: Limits, now: datetime) -> Payment:
    """Return a new payment of what the command says of a bill.

    Raises Conflict `bill-already-paid`, Unprocessable `amount-exceeds-outstanding` or `amount-not-payable-online`.
    """
    owed_vnd = standing.balance.receivable_vnd
    if not owed_vnd:
        raise Conflict("bill-already-paid", "nothing is owed for this bill")
    pays_vnd = owed_vnd if command.amount_vnd is None else command.amount_vnd
    if pays_vnd > owed_vnd:
        raise Unprocessable("amount-exceeds-outstanding", "more than is owed for this bill", outstanding_vnd=owed_vnd)
    if not limits.amount_min_vnd <= pays_vnd <= limits.amount_max_vnd:
        raise Unprocessable(
            "amount-not-payable-online",
            "the provider does not take this amount in one payment",
            amount_min_vnd=limits.amount_min_vnd,
            amount_max_vnd=limits.amount_max_vnd,
        )
    return Payment(
        payment_id=payment_id,
        bill_id=standing.bill.bill_id,
        provider=command.provider,
        order_reference=payment_id.hex,  # fresh for each payment, and only letters and digits, as VNPay demands
        amount_vnd=pays_vnd,
        begun_at=now,
        expires_at=now + limits.lifetime,
    )


def succeeded(payment: Payment, now: datetime) -> Payment:
    """Return the payment whose money is in the ledger. It succeeds from any state, since a late success counts."""
    return replace(payment, state="succeeded", reason=None, settled_at=now, version=payment.version + 1)


def held(payment: Payment, reason: SuspenseReason, now: datetime) -> Payment:
    """Return the payment whose money waits in suspense for a person. One that succeeded stays as it is."""
    if payment.state == "succeeded":
        return payment
    return replace(payment, state="held", reason=reason, settled_at=now, version=payment.version + 1)


def failed(payment: Payment, reason: FailureReason, now: datetime) -> Payment:
    """Return the payment for which no money moved. One that is settled otherwise stays as it is."""
    if payment.state not in {"begun", "expired"}:
        return payment
    return replace(payment, state="failed", reason=reason, settled_at=now, version=payment.version + 1)


def expired(payment: Payment, now: datetime) -> Payment:
    """Return the payment whose time has passed and whose provider knows of no money. One that is settled stays as it is."""
    if payment.state != "begun":
        return payment
    return replace(payment, state="expired", settled_at=now, version=payment.version + 1)


def next_ask_at(asked: int, asking: Asking, now: datetime) -> datetime:
    """Return when a provider is asked again that was just asked for the `asked`-th time."""
    pause = asking.pause
    for _ in range(1, asked):
        if pause >= PAUSE_MAX:
            break
        pause = min(pause * 2, PAUSE_MAX)
    return now + pause


def gives_up(due: DuePayment, asking: Asking, now: datetime) -> bool:
    """Say whether a payment is not asked about again: the next time would be after the patience."""
    return next_ask_at(due.asked, asking, now) > due.payment.expires_at + asking.patience
