"""`payments.v1`: what is owed and what came in. Amounts are integer VND, which has no smaller unit."""

from datetime import date, datetime
from typing import ClassVar, Literal
from uuid import UUID

from gridcare.events.envelope import Event, Unknown, published
from gridcare.events.topics import PAYMENTS, Topic

Provider = Literal["vnpay", "momo", "zalopay", "bank"]


class CustomerMoneyEvent(Event, frozen=True, kw_only=True):
    """Something about a customer's money. Money events commute: each has the id and `version` of its own bill or payment."""

    topic: ClassVar[Topic] = PAYMENTS
    key_field: ClassVar[str] = "customer_code"

    customer_code: str


class BillEvent(CustomerMoneyEvent, frozen=True, kw_only=True):
    """A bill's state after the change that the event is named for."""

    bill_id: UUID
    bill_number: str
    period: str
    """The month that the bill is for, such as `2026-10`."""
    amount_vnd: int
    paid_vnd: int
    due_on: date


@published
class BillIssued(BillEvent, frozen=True, kw_only=True):
    """A bill was registered."""


class PaymentEvent(CustomerMoneyEvent, frozen=True, kw_only=True):
    """A payment's state after the change that the event is named for."""

    payment_id: UUID
    bill_id: UUID
    bill_number: str
    provider: Provider | Unknown
    amount_vnd: int
    paid_at: datetime
    bill_outstanding_vnd: int
    """The amount still owed for the bill; negative if too much was paid."""


@published
class PaymentRecorded(PaymentEvent, frozen=True, kw_only=True):
    """Money came in and was recorded in the ledger."""
