"""Bills: what a customer owes for a period, and what the ledger says is left of it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from gridcare.errors import Unprocessable
from gridcare.events.payments import BillIssued

DUE_DISTANCE_MAX = timedelta(days=366)
"""Bills of the last year may be brought in late; what lies further away is a mistake."""

BillState = Literal["open", "partially_paid", "paid", "overpaid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """A bill as it was registered; it never changes."""

    bill_id: UUID
    bill_number: str
    customer_code: str
    period: str
    """The month that it is for, `2026-10`."""
    amount_vnd: int
    due_on: date
    issued_at: datetime
    issued_by: str
    version: int = 1


@dataclass(frozen=True, slots=True)
class Balance:
    """Where a bill stands, summed from the ledger's entries about it."""

    receivable_vnd: int
    """Still owed; never negative."""
    credit_vnd: int
    """Paid too much, and kept as the customer's credit; never negative."""

    @property
    def outstanding_vnd(self) -> int:
        """What is still owed; negative when too much was paid (as events say it)."""
        return self.receivable_vnd - self.credit_vnd


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
        """Derived, never stored: what the ledger says is what is true."""
        if self.balance.credit_vnd:
            return "overpaid"
        if not self.balance.receivable_vnd:
            return "paid"
        return "open" if self.balance.receivable_vnd == self.bill.amount_vnd else "partially_paid"


def checked_due_date(due_on: date, *, today: date) -> date:
    """Return the day if it lies within a year of today. Raises Unprocessable `due-date-out-of-range`."""
    if abs(due_on - today) > DUE_DISTANCE_MAX:
        raise Unprocessable("due-date-out-of-range", "the due day is more than a year away")
    return due_on


def issued(bill: Bill) -> BillIssued:
    """Give the event of a bill that was just registered."""
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
