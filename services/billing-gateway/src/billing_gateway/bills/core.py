"""Bills: what a customer owes for a period, and where each stands."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from billing_gateway.ledger.core import Balance
from gridcare.errors import Unprocessable
from gridcare.events.payments import BillIssued
from gridcare.values.clock import VIETNAM

DUE_DISTANCE_MAX = timedelta(days=366)
"""Bills of the past year may be registered late; a date further away is a mistake."""

BillState = Literal["open", "partially_paid", "paid", "overpaid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterBill:
    """A bill as the utility's billing made it, and who registers it."""

    bill_number: str
    customer_code: str
    period: str
    amount_vnd: int
    due_on: date
    issued_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """A bill as it was registered; it never changes."""

    bill_id: UUID
    bill_number: str
    customer_code: str
    period: str
    """The month that it is for, such as `2026-10`."""
    amount_vnd: int
    due_on: date
    issued_at: datetime
    issued_by: str
    version: int = 1


@dataclass(frozen=True, slots=True)
class BillStanding:
    """A bill and where it stands."""

    bill: Bill
    balance: Balance

    @property
    def paid_vnd(self) -> int:
        return self.bill.amount_vnd - self.balance.outstanding_vnd

    @property
    def state(self) -> BillState:
        """Where the bill stands by its balance: the ledger is the truth. The column `bill.state` repeats it for lists."""
        if self.balance.credit_vnd:
            return "overpaid"
        if not self.balance.receivable_vnd:
            return "paid"
        return "open" if self.balance.receivable_vnd == self.bill.amount_vnd else "partially_paid"


def register(command: RegisterBill, *, bill_id: UUID, now: datetime) -> Bill:
    """Return the bill that is issued `now`. Raises Unprocessable `due-date-out-of-range`."""
    return Bill(
        bill_id=bill_id,
        bill_number=command.bill_number,
        customer_code=command.customer_code,
        period=command.period,
        amount_vnd=command.amount_vnd,
        due_on=checked_due_date(command.due_on, today=now.astimezone(VIETNAM).date()),
        issued_at=now,
        issued_by=command.issued_by,
    )


def checked_due_date(due_on: date, *, today: date) -> date:
    """Return the day when it lies within a year of today. Raises Unprocessable `due-date-out-of-range`."""
    if abs(due_on - today) > DUE_DISTANCE_MAX:
        raise Unprocessable("due-date-out-of-range", "the due date is more than a year away")
    return due_on


def issued(bill: Bill) -> BillIssued:
    """Return the event of a bill that was just registered."""
    return BillIssued(
        version=bill.version,
        customer_code=bill.customer_code,
        bill_id=bill.bill_id,
        bill_number=bill.bill_number,
        period=bill.period,
        amount_vnd=bill.amount_vnd,
        paid_vnd=0,
        due_on=bill.due_on,
    )
