"""Bills as pure values: their due dates and their states."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from billing_gateway.bills.core import Bill, BillStanding, checked_due_date
from billing_gateway.ledger.core import Balance
from gridcare.errors import Unprocessable

BILL = Bill(
    bill_id=UUID(int=1),
    bill_number="HD202610-0001",
    customer_code="PB11010012345",
    period="2026-10",
    amount_vnd=100_000,
    due_on=date(2026, 12, 5),
    issued_at=datetime(2026, 11, 23, 2, 30, tzinfo=UTC),
    issued_by="accountant",
)


def test_states_of_a_bill() -> None:
    """A bill is open, partially paid, paid or overpaid, as its balance says."""
    balances = [Balance(100_000, 0), Balance(1, 0), Balance(0, 0), Balance(0, 1)]
    standings = [BillStanding(BILL, balance) for balance in balances]
    assert [standing.state for standing in standings] == ["open", "partially_paid", "paid", "overpaid"]
    assert [standing.paid_vnd for standing in standings] == [0, 99_999, 100_000, 100_001]


@pytest.mark.parametrize("days", [-367, 367, 100_000])
def test_distant_due_dates_are_refused(days: int) -> None:
    """A due date more than a year away is refused."""
    with pytest.raises(Unprocessable):
        checked_due_date(date(2026, 11, 23) + timedelta(days=days), today=date(2026, 11, 23))
