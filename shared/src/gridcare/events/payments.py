"""`payments.v1`: what is owed and what came in. Amounts are integer VND, which has no smaller unit."""

from datetime import date, datetime
from typing import ClassVar, Literal
from uuid import UUID

from gridcare.events.envelope import Event, published
from gridcare.events.topics import PAYMENTS, Topic

Provider = Literal["vnpay", "momo", "zalopay", "bank"]


class CustomerMoneyEvent(Event, frozen=True, kw_only=True):
    """Something about a customer's money. Money events commute: each names its own bill or payment and its `version`."""

    topic: ClassVar[Topic] = PAYMENTS
    key_field: ClassVar[str] = "customer_code"

    customer_code: str


class BillEvent(CustomerMoneyEvent, frozen=True, kw_only=True):
    """A bill's state after what the event's name says."""

    bill_id: UUID
    bill_number: str
    period: str
    """The month that it is for, `2026-10`."""
    amount_vnd: int
    paid_vnd: int
    due_on: date


@published
class BillIssued(BillEvent, frozen=True, kw_only=True):
    """A bill was registered."""


class PaymentEvent(CustomerMoneyEvent, frozen=True, kw_only=True):
    """A payment's state after what the event's name says."""

    payment_id: UUID
    bill_id: UUID
    bill_number: str
    provider: Provider
    amount_vnd: int
    paid_at: datetime
    bill_outstanding_vnd: int
    """What is still owed for the bill; negative when too much was paid."""


@published
class PaymentRecorded(PaymentEvent, frozen=True, kw_only=True):
    """Money came in and stands in the ledger."""
