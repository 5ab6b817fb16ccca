"""Payments: how they begin, and the states that they go through."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from billing_gateway.bills.core import Bill, BillStanding
from billing_gateway.ledger.core import Balance
from billing_gateway.payments.core import (
    BeginPayment,
    Limits,
    Payment,
    PaymentState,
    begin,
    failed,
    held,
    succeeded,
)
from gridcare.errors import BusinessError

NOW = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
LIMITS = Limits(amount_min_vnd=5_000, amount_max_vnd=50_000, lifetime=timedelta(minutes=15))
BILL = Bill(
    bill_id=UUID(int=1),
    bill_number="HD202610-0001",
    customer_code="PB11010012345",
    period="2026-10",
    amount_vnd=100_000,
    due_on=date(2026, 12, 5),
    issued_at=NOW,
    issued_by="accountant",
)


def begun(owed_vnd: int = 20_000, amount_vnd: int | None = None) -> Payment:
    command = BeginPayment(
        bill_id=BILL.bill_id,
        provider="vnpay",
        amount_vnd=amount_vnd,
        locale="vn",
        client_ip="203.0.113.7",
        customer_codes=None,
    )
    return begin(command, BillStanding(BILL, Balance(owed_vnd, 0)), payment_id=UUID(int=2), limits=LIMITS, now=NOW)


def test_attempts_pay_what_is_owed() -> None:
    """A payment without an amount is for all that is owed, and lasts as long as the provider allows."""
    payment = begun()
    assert (payment.amount_vnd, payment.state, payment.expires_at) == (20_000, "begun", NOW + timedelta(minutes=15))
    assert begun(amount_vnd=5_000).amount_vnd == 5_000


@pytest.mark.parametrize(
    ("owed_vnd", "amount_vnd", "code"),
    [
        (0, None, "bill-already-paid"),
        (0, 5_000, "bill-already-paid"),
        (20_000, 20_001, "amount-exceeds-outstanding"),
        (20_000, 4_999, "amount-not-payable-online"),
        (4_999, None, "amount-not-payable-online"),
        (50_001, None, "amount-not-payable-online"),
    ],
)
def test_what_cannot_be_paid(owed_vnd: int, amount_vnd: int | None, code: str) -> None:
    """Where nothing is owed, above what is owed and outside the provider's limits, a payment is refused."""
    with pytest.raises(BusinessError) as raised:
        begun(owed_vnd, amount_vnd)
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("before", "success", "failure", "hold"),
    [
        ("begun", "succeeded", "failed", "held"),
        ("expired", "succeeded", "failed", "held"),
        ("failed", "succeeded", "failed", "held"),
        ("held", "succeeded", "held", "held"),
        ("succeeded", "succeeded", "succeeded", "succeeded"),
    ],
)
def test_states_of_an_attempt(before: PaymentState, success: str, failure: str, hold: str) -> None:
    """A success counts from any state; a failure settles only what is begun or expired; a success stays one."""
    payment = replace(begun(), state=before)
    assert succeeded(payment, NOW).state == success
    assert failed(payment, "cancelled", NOW).state == failure
    assert held(payment, "wrong_amount", NOW).state == hold
