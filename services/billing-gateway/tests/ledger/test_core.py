"""The ledger's movements of money, as pure values."""

from datetime import UTC, date, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from billing_gateway.bills.core import Bill
from billing_gateway.ledger.core import Account, Balance, Money, after, bill_issued, money_suspended, payment_recorded

NOW = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
ONE, TWO, THREE = UUID(int=1), UUID(int=2), UUID(int=3)
AMOUNTS = st.integers(1, 10**12)


def bill(amount_vnd: int = 100_000) -> Bill:
    return Bill(
        bill_id=ONE,
        bill_number="HD202610-0001",
        customer_code="PB11010012345",
        period="2026-10",
        amount_vnd=amount_vnd,
        due_on=date(2026, 12, 5),
        issued_at=NOW,
        issued_by="accountant",
    )


def money(amount_vnd: int) -> Money:
    return Money("vnpay", "14226112", TWO, amount_vnd)


@given(amount_vnd=AMOUNTS, receivable_vnd=st.integers(0, 10**12), credit_vnd=st.integers(0, 10**6))
def test_movements_sum_to_zero(amount_vnd: int, receivable_vnd: int, credit_vnd: int) -> None:
    """Whatever comes in for whatever is owed, debits equal credits and no entry is zero."""
    balance = Balance(receivable_vnd, credit_vnd)
    recorded = payment_recorded(bill(), balance, money(amount_vnd), payment_id=TWO, transaction_id=THREE, now=NOW)
    suspended = money_suspended(
        money(amount_vnd), "unknown_order", bill_id=None, payment_id=None, transaction_id=THREE, now=NOW
    )
    for movement in (recorded, suspended, bill_issued(bill(amount_vnd), transaction_id=THREE)):
        assert sum(entry.amount_vnd for entry in movement.entries) == 0
        assert all(entry.amount_vnd for entry in movement.entries)


@given(amount_vnd=AMOUNTS, receivable_vnd=st.integers(0, 10**12))
def test_excess_becomes_credit(amount_vnd: int, receivable_vnd: int) -> None:
    """A payment lowers what is owed to zero and no further; the rest is the customer's credit."""
    left = after(Balance(receivable_vnd, 0), amount_vnd)
    assert left.outstanding_vnd == receivable_vnd - amount_vnd
    assert min(left.receivable_vnd, left.credit_vnd) == 0


def test_paid_bills_leave_credit_alone() -> None:
    """When nothing is owed, the whole amount becomes the customer's credit."""
    recorded = payment_recorded(bill(), Balance(0, 0), money(500), payment_id=TWO, transaction_id=THREE, now=NOW)
    assert {(entry.account, entry.amount_vnd) for entry in recorded.entries} == {
        (Account("clearing", "vnpay"), 500),
        (Account("customer_credit", "PB11010012345"), -500),
    }
