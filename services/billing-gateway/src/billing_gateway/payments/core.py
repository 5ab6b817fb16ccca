"""Attempts to pay a bill, and what a provider says became of one."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from billing_gateway.bills.core import BillStanding
from gridcare.errors import Conflict, Unprocessable
from gridcare.events.payments import Provider

PaymentState = Literal["begun", "succeeded", "failed", "expired", "held"]
Locale = Literal["vn", "en"]
Outcome = Literal["succeeded", "failed", "suspected"]
"""`suspected`: the provider took the money and doubts it; it waits for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One attempt, which the provider knows by its order reference."""

    payment_id: UUID
    bill_id: UUID
    provider: Provider
    order_reference: str
    amount_vnd: int
    begun_at: datetime
    expires_at: datetime
    state: PaymentState = "begun"
    reason: str | None = None
    settled_at: datetime | None = None
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderReport:
    """What a provider says of an order, in our words."""

    provider: Provider
    order_reference: str
    transaction_number: str
    amount_vnd: int
    outcome: Outcome
    reason: str | None
    """Why it failed; None when money moved."""
    paid_at: datetime | None

    @property
    def money_moved(self) -> bool:
        return self.outcome != "failed"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a provider takes in one payment, and how long an attempt may last."""

    amount_min_vnd: int
    amount_max_vnd: int
    lifetime: timedelta


def begin(
    standing: BillStanding,
    *,
    payment_id: UUID,
    provider: Provider,
    amount_vnd: int | None,
    limits: Limits,
    now: datetime,
) -> Payment:
    """Begin an attempt to pay a bill, or `amount_vnd` of it; all that is owed when None.

    Raises Conflict `bill-already-paid`, Unprocessable `amount-exceeds-outstanding` or `amount-not-payable-online`.
    """
    owed_vnd = standing.balance.receivable_vnd
    if not owed_vnd:
        raise Conflict("bill-already-paid", "nothing is owed for this bill")
    pays_vnd = owed_vnd if amount_vnd is None else amount_vnd
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
        provider=provider,
        order_reference=payment_id.hex,  # drawn for this attempt, so fresh; letters and digits alone, as VNPay wants
        amount_vnd=pays_vnd,
        begun_at=now,
        expires_at=now + limits.lifetime,
    )


def succeeded(payment: Payment, now: datetime) -> Payment:
    """Money for it stands in the ledger; from whatever state, since a late success counts."""
    return replace(payment, state="succeeded", reason=None, settled_at=now, version=payment.version + 1)


def held(payment: Payment, reason: str, now: datetime) -> Payment:
    """Money came for it and waits in suspense for a person; one that succeeded stays so."""
    if payment.state == "succeeded":
        return payment
    return replace(payment, state="held", reason=reason, settled_at=now, version=payment.version + 1)


def failed(payment: Payment, reason: str, now: datetime) -> Payment:
    """Take it that no money moved; an attempt that is settled otherwise stays so."""
    if payment.state not in {"begun", "expired"}:
        return payment
    return replace(payment, state="failed", reason=reason, settled_at=now, version=payment.version + 1)
