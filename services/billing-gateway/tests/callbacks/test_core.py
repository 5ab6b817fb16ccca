"""The decision table of callbacks: what the provider is answered, and what becomes true."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from billing_gateway.bills.core import Bill, BillStanding
from billing_gateway.callbacks.core import Handling, Matched, decide, verdict
from billing_gateway.ledger.core import Balance, RecordedMoney
from billing_gateway.payments.core import Payment
from billing_gateway.providers.core import ProviderReport, Verdict

NOW = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
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
PAYMENT = Payment(
    payment_id=UUID(int=2),
    bill_id=BILL.bill_id,
    provider="vnpay",
    order_reference="R1",
    amount_vnd=60_000,
    begun_at=NOW,
    expires_at=NOW + timedelta(minutes=15),
)
SUCCESS = ProviderReport(
    provider="vnpay",
    order_reference="R1",
    transaction_number="14226112",
    amount_vnd=60_000,
    result="succeeded",
    reason=None,
    paid_at=NOW - timedelta(minutes=1),
)
FAILURE = replace(SUCCESS, result="failed", reason="cancelled", transaction_number="0")
SUSPECTED = replace(SUCCESS, result="suspected")
WRONG = {"amount_vnd": 59_999}
HELD = RecordedMoney(UUID(int=9), "suspected_fraud", released=False)


def matched(balance: Balance = Balance(100_000, 0), **state: Any) -> Matched:  # noqa: B008 - frozen
    return Matched(replace(PAYMENT, **state), BillStanding(BILL, balance))


def decided(report: ProviderReport, about: Matched | None, recorded: RecordedMoney | None = None) -> Handling:
    return decide(report, about, recorded, provider_event_id=UUID(int=7), transaction_id=UUID(int=8), now=NOW)


@pytest.mark.parametrize(
    ("report", "begun", "first", "again"),
    [
        (SUCCESS, PAYMENT, Verdict.ACCEPTED, Verdict.REPEATED),
        (SUCCESS, None, Verdict.ACCEPTED, Verdict.REPEATED),
        (replace(SUCCESS, **WRONG), PAYMENT, Verdict.ACCEPTED, Verdict.REPEATED),
        (SUSPECTED, PAYMENT, Verdict.ACCEPTED, Verdict.REPEATED),
        (SUSPECTED, None, Verdict.ACCEPTED, Verdict.REPEATED),
        (FAILURE, PAYMENT, Verdict.ACCEPTED, Verdict.REPEATED),
        (FAILURE, None, Verdict.UNKNOWN_ORDER, Verdict.UNKNOWN_ORDER),
        (replace(FAILURE, **WRONG), PAYMENT, Verdict.WRONG_AMOUNT, Verdict.WRONG_AMOUNT),
    ],
)
def test_answers_to_reports(report: ProviderReport, begun: Payment | None, first: Verdict, again: Verdict) -> None:
    """Money that moved is always accepted; unknown orders and wrong amounts are refused only when none moved."""
    assert verdict(report, begun, fresh=True) is first
    assert verdict(report, begun, fresh=False) is again


@pytest.mark.parametrize(
    ("report", "begun", "first", "again"),
    [
        (SUCCESS, PAYMENT, Verdict.ACCEPTED, Verdict.REPEATED),
        (SUCCESS, replace(PAYMENT, state="expired"), Verdict.ACCEPTED, Verdict.REPEATED),
        (SUCCESS, replace(PAYMENT, state="held"), Verdict.ACCEPTED, Verdict.REPEATED),
        (SUCCESS, replace(PAYMENT, state="succeeded"), Verdict.REPEATED, Verdict.REPEATED),
        (SUCCESS, replace(PAYMENT, state="failed"), Verdict.REPEATED, Verdict.REPEATED),
        (SUCCESS, None, Verdict.UNKNOWN_ORDER, Verdict.UNKNOWN_ORDER),
        (replace(SUCCESS, **WRONG), PAYMENT, Verdict.WRONG_AMOUNT, Verdict.WRONG_AMOUNT),
        (replace(SUCCESS, **WRONG), replace(PAYMENT, state="succeeded"), Verdict.WRONG_AMOUNT, Verdict.WRONG_AMOUNT),
        (SUSPECTED, PAYMENT, Verdict.ACCEPTED, Verdict.REPEATED),
        (FAILURE, PAYMENT, Verdict.ACCEPTED, Verdict.REPEATED),
        (FAILURE, None, Verdict.UNKNOWN_ORDER, Verdict.UNKNOWN_ORDER),
    ],
)
def test_acceptance_test_answers(report: ProviderReport, begun: Payment | None, first: Verdict, again: Verdict) -> None:
    """In an acceptance test money is answered like any report: in the order order, amount, not confirmed already."""
    assert verdict(report, begun, fresh=True, acceptance_answers=True) is first
    assert verdict(report, begun, fresh=False, acceptance_answers=True) is again


@pytest.mark.parametrize(
    ("report", "about", "recorded", "outcome", "state", "reason"),
    [
        (SUCCESS, matched(), None, "recorded", "succeeded", None),
        (SUCCESS, matched(state="expired"), None, "recorded", "succeeded", None),
        (SUCCESS, matched(state="failed", reason="cancelled"), None, "recorded", "succeeded", None),
        (SUCCESS, matched(state="held", reason="wrong_amount"), None, "recorded", "succeeded", None),
        (SUCCESS, None, None, "suspended", None, "unknown_order"),
        (replace(SUCCESS, **WRONG), matched(), None, "suspended", "held", "wrong_amount"),
        (SUSPECTED, matched(), None, "suspended", "held", "suspected_fraud"),
        (SUSPECTED, None, None, "suspended", None, "unknown_order"),
        (SUCCESS, matched(state="succeeded"), None, "suspended", None, "order_already_paid"),
        (SUCCESS, matched(state="succeeded"), RecordedMoney(UUID(int=9), None, released=False), "repeated", None, None),
        (SUCCESS, matched(state="held"), HELD, "released", "succeeded", None),
        (SUSPECTED, matched(state="held"), HELD, "repeated", None, None),
        (SUCCESS, matched(), replace(HELD, released=True), "repeated", None, None),
        (SUCCESS, matched(), replace(HELD, reason="wrong_amount"), "repeated", None, None),
        (SUCCESS, None, HELD, "repeated", None, None),
        (FAILURE, matched(), None, "failed", "failed", None),
        (FAILURE, matched(state="expired"), None, "failed", "failed", None),
        (FAILURE, matched(state="succeeded"), None, "failed", None, None),
        (FAILURE, matched(state="held"), None, "failed", None, None),
        (FAILURE, None, None, "unmatched", None, None),
        (replace(FAILURE, **WRONG), matched(), None, "unmatched", None, None),
    ],
)
def test_what_becomes_true(
    *,
    report: ProviderReport,
    about: Matched | None,
    recorded: RecordedMoney | None,
    outcome: str,
    state: str | None,
    reason: str | None,
) -> None:
    """Each report makes one thing true: money recorded, released or suspended, a failure, or nothing."""
    decision = decided(report, about, recorded)
    assert decision.outcome == outcome
    assert (decision.payment.state if decision.payment else None) == state
    assert (decision.transaction.reason if decision.transaction else None) == reason
    assert (decision.transaction is not None) == (outcome in {"recorded", "released", "suspended"})
    assert (decision.event is not None) == (outcome in {"recorded", "released"})


@pytest.mark.parametrize(
    ("balance", "outstanding_vnd"),
    [(Balance(100_000, 0), 40_000), (Balance(60_000, 0), 0), (Balance(50_000, 0), -10_000), (Balance(0, 5), -60_005)],
)
def test_receipts_say_what_is_left(balance: Balance, outstanding_vnd: int) -> None:
    """PaymentRecorded says what is still owed; negative when too much was paid."""
    event = decided(SUCCESS, matched(balance)).event
    assert event is not None
    assert event.bill_outstanding_vnd == outstanding_vnd
    assert (event.amount_vnd, event.paid_at, event.version) == (60_000, SUCCESS.paid_at, 2)
