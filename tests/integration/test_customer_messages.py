"""Tickets and payments lead to a message to their customer, through all three services."""

from datetime import timedelta

import pytest
from tests.integration.support.customers import (
    BILLING,
    REPAIR,
    inbox,
    open_ticket,
    pay,
    pay_silently,
    register_bill,
    wait_message,
)
from tests.integration.support.judge import judge
from tests.integration.support.together import wait_until

from gridcare_local.demo.cut import NOTIFIER


@pytest.mark.parametrize("channel", ["push", "sms"])
def test_tickets_are_confirmed(whole, channel):
    """repair-intake's API → TicketOpened → one message to the customer over the channel that reaches them."""
    person = (whole.on_push() if channel == "push" else whole.on_sms())[0]
    ticket = open_ticket(whole, person)
    notice_id = wait_message(whole, person, "ticket-opened", holds=ticket["reference"])
    verdict = judge(whole, [notice_id])
    assert verdict.wrong == []
    assert (verdict.pushes, verdict.texts) == ((1, 0) if channel == "push" else (0, 1))
    assert verdict.told_by["ticket-opened"] == {person.code}


def test_explained_tickets_are_attached(whole):
    """A cut about to begin at the supply point explains the ticket: the answer and one message say so."""
    person = whole.on_push()[-1]
    outage_id = _cut_soon(whole, person.feeder_id)
    wait_until(
        lambda: bool(whole.query(REPAIR, "SELECT FROM outage_scope WHERE outage_id = $1", outage_id)),
        what="repair-intake knows the outage",
    )
    ticket = open_ticket(whole, person)
    assert ticket["explained_by"]["outage_id"] == outage_id
    assert "EXPLAINS" in ticket["explained_by"]["place"]
    assert ticket["state"] == "attached"
    notice_id = wait_message(whole, person, "ticket-attached", holds=ticket["reference"])
    verdict = judge(whole, [notice_id])
    assert verdict.wrong == []
    assert verdict.told_by["ticket-attached"] == {person.code}
    assert not [each for each in inbox(whole, person, "ticket-opened") if ticket["reference"] in each["title"]]
    whole.wait_told(outage_id)


def test_later_cuts_explain_nothing(whole):
    """A ticket at a supply point that is cut next week is opened like any other."""
    person = whole.on_sms()[1]
    outage_id = whole.draft(mark="LATER", feeder_ids=[person.feeder_id])
    whole.change(outage_id, "publish")
    wait_until(
        lambda: bool(whole.query(REPAIR, "SELECT FROM outage_scope WHERE outage_id = $1", outage_id)),
        what="repair-intake knows the outage",
    )
    ticket = open_ticket(whole, person)
    assert ticket["explained_by"] is None
    wait_message(whole, person, "ticket-opened", holds=ticket["reference"])
    whole.wait_told(outage_id)


def test_payments_are_receipted_once(whole):
    """Bill → payment begun → VNPay's signed callback, three times → ledger → PaymentRecorded → one payment receipt."""
    person = whole.on_push()[1]
    bill_id = register_bill(whole, person, number="INT-2026-0001", amount_vnd=512_300)
    assert pay(whole, person, bill_id, repeat=3) == ["00", "02", "02"]
    notice_id = wait_message(whole, person, "payment-received", holds="INT-2026-0001")
    bill = whole.client("customer", person.code).get(BILLING, f"/v1/bills/{bill_id}")
    assert (bill["paid_vnd"], bill["outstanding_vnd"], bill["credit_vnd"]) == (512_300, 0, 0)
    verdict = judge(whole, [notice_id])
    assert verdict.wrong == []
    assert verdict.told_by["payment-received"] == {person.code}
    receipts = "SELECT count(*) FROM notice WHERE kind = 'payment-received' AND recipient_id = $1"
    assert whole.query(NOTIFIER, receipts, person.code)[0][0] == 1


def test_lost_callbacks_are_found(whole):
    """Bill → paid at VNPay, the callback lost → the worker asks VNPay → ledger → PaymentRecorded → one payment receipt."""
    person = whole.on_push()[2]
    bill_id = register_bill(whole, person, number="INT-2026-0003", amount_vnd=412_300)
    payment_id = pay_silently(whole, person, bill_id)
    wait_message(whole, person, "payment-received", holds="INT-2026-0003")
    payment = whole.client("customer", person.code).get(BILLING, f"/v1/payments/{payment_id}")
    assert (payment["state"], payment["bill_outstanding_vnd"]) == ("succeeded", 0)
    events = "SELECT outcome FROM provider_event WHERE order_reference = $1"
    assert [row[0] for row in whole.query(BILLING, events, payment["order_reference"])] == ["recorded"]


def _cut_soon(whole, feeder_id: str) -> str:
    """Publish a planned cut that begins in five minutes and return its id."""
    start = whole.now + timedelta(minutes=5)
    outage_id = whole.draft(mark="EXPLAINS", feeder_ids=[feeder_id], start=start)
    whole.change(outage_id, "publish", {"late_reason": "a pole was hit"})
    return outage_id
