"""Payments through the API."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from billing_gateway.app import build_app
from billing_gateway.callbacks.flow.ask_providers import ask_about_due_payments
from gridcare.postgres.token_buckets import Buckets
from gridcare.testing.http import client_for
from gridcare_local.emulators.vnpay.payer import read_pay_url


async def test_a_payment_begins(gateway: Any) -> None:
    """VNPay accepts the address of a new payment, for all that is owed, until the expiry that the answer says."""
    bill = await gateway.bill()
    begun = await gateway.begin(bill)
    order = read_pay_url("TESTSECRET", begun["pay_url"], now=gateway.clock.now())
    assert begun["expires_at"] == "2026-11-23T02:45:00Z"
    assert (order["vnp_CreateDate"], order["vnp_ExpireDate"]) == ("20261123093000", "20261123094500")
    assert (order["vnp_Amount"], order["vnp_TxnRef"]) == ("89612500", begun["order_reference"])
    assert order["vnp_OrderInfo"] == "Thanh toan tien dien PB11010012345 T10/2026"
    payment = await gateway.read("payment", begun)
    assert (payment["state"], payment["amount_vnd"], payment["bill_outstanding_vnd"]) == ("begun", 896_125, 896_125)


async def test_each_attempt_is_fresh(gateway: Any) -> None:
    """Another key begins another payment with another reference; the same key gets the same answer."""
    bill = await gateway.bill()
    path = f"/v1/bills/{bill['bill_id']}/payments"
    first = await gateway.post(path, {}, key="k1")
    again = await gateway.post(path, {}, key="k1")
    other = await gateway.post(path, {}, key="k2")
    assert first.content == again.content
    assert first.json()["order_reference"] != other.json()["order_reference"]
    reused = await gateway.post(path, {"amount_vnd": 10_000}, key="k1")
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency-key-reused")
    assert len(await gateway.rows("SELECT 1 FROM payment")) == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"amount_vnd": 896_126}, 422, "amount-exceeds-outstanding"),
        ({"amount_vnd": 4_999}, 422, "amount-not-payable-online"),
        ({"amount_vnd": 0}, 422, "invalid-request"),
        ({"amount_vnd": 10_000.5}, 422, "invalid-request"),
        ({"locale": "fr"}, 422, "invalid-request"),
        ({"return_url": "https://evil.example"}, 422, "invalid-request"),
        ([], 422, "invalid-request"),
    ],
)
async def test_bad_payments_are_refused(gateway: Any, body: Any, status: int, code: str) -> None:
    """A bad payment is refused with a reason and not kept."""
    bill = await gateway.bill()
    answer = await gateway.post(f"/v1/bills/{bill['bill_id']}/payments", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await gateway.rows("SELECT 1 FROM payment") == []


async def test_anothers_payment_is_hidden(gateway: Any) -> None:
    """Another customer's bill and payment are answered as if they did not exist; a cashier may pay and read any."""
    bill = await gateway.bill()
    begun = await gateway.begin(bill)
    stranger = {"codes": ("PB11010099999",)}
    pay = f"/v1/bills/{bill['bill_id']}/payments"
    refused = await gateway.post(pay, {}, **stranger)
    assert (refused.status_code, refused.json()["code"]) == (404, "bill-not-found")
    hidden = await gateway.call("GET", f"/v1/payments/{begun['payment_id']}", **stranger)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "payment-not-found")
    missing = await gateway.call("GET", f"/v1/payments/{UUID(int=1)}", **stranger)
    assert missing.status_code == 404
    cashier: dict[str, Any] = {"roles": ("cashier",), "codes": ()}
    assert (await gateway.post(pay, {}, **cashier)).status_code == 201
    assert (await gateway.call("GET", f"/v1/payments/{begun['payment_id']}", **cashier)).status_code == 200
    assert (await gateway.post(pay, {}, roles=("planner",), codes=())).status_code == 403


async def test_paid_bills_are_refused(gateway: Any) -> None:
    """A payment of a bill that is paid is refused."""
    bill = await gateway.bill()
    await gateway.call_back(gateway.callback(await gateway.begin(bill)))
    answer = await gateway.post(f"/v1/bills/{bill['bill_id']}/payments", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "bill-already-paid")


@pytest.mark.usefixtures("vnpay")
async def test_late_successes_count(gateway: Any) -> None:
    """A payment expires at its time and not before; a success that is reported later still counts."""
    bill = await gateway.bill()
    begun = await gateway.begin(bill)
    query = gateway.callback(begun)
    gateway.clock.move(minutes=15, seconds=-1)
    assert await ask_about_due_payments(room=gateway.working.inquiries) == 0
    gateway.clock.move(seconds=1)
    assert await ask_about_due_payments(room=gateway.working.inquiries) == 1
    assert (await gateway.read("payment", begun))["state"] == "expired"
    assert await gateway.call_back(query) == "00"
    assert (await gateway.read("payment", begun))["state"] == "succeeded"
    assert (await gateway.read("bill", bill))["state"] == "paid"


async def test_payments_have_a_rate(gateway: Any) -> None:
    """One caller begins so many payments an hour; a repeat counts too, and a cashier beside the customer does not."""
    bill = await gateway.bill()
    path = f"/v1/bills/{bill['bill_id']}/payments"
    limited = build_app(replace(gateway.rooms, buckets=Buckets(gateway.db, {"payments": 2})))
    async with client_for(limited) as client:
        caller = replace(gateway, client=client)
        answers = [await caller.post(path, {}, key="k1") for _ in range(3)]
        other = await caller.post(path, {}, sub="a cashier", roles=("cashier",), codes=())
    assert [each.status_code for each in answers] == [201, 201, 429]
    assert answers[2].json()["code"] == "too-many-requests"
    assert int(answers[2].headers["retry-after"]) >= 1
    assert other.status_code == 201
