"""The payments of the API."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from billing_gateway.payments.flow.expire_payments import expire_payments
from gridcare_local.emulators.vnpay import read_pay_url


async def test_a_payment_begins_with_a_signed_address(gateway: Any) -> None:
    """VNPay takes the address: all that is owed, until the expiry that the answer says, in GMT+7."""
    bill = await gateway.bill()
    begun = await gateway.begin(bill)
    order = read_pay_url("TESTSECRET", begun["pay_url"], now=gateway.clock.now())
    assert begun["expires_at"] == "2026-11-23T02:45:00Z"
    assert (order["vnp_CreateDate"], order["vnp_ExpireDate"]) == ("20261123093000", "20261123094500")
    assert (order["vnp_Amount"], order["vnp_TxnRef"]) == ("89612500", begun["order_reference"])
    assert order["vnp_OrderInfo"] == "Thanh toan tien dien PB11010012345 T10/2026"
    payment = await gateway.read("payment", begun)
    assert (payment["state"], payment["amount_vnd"], payment["bill_outstanding_vnd"]) == ("begun", 896_125, 896_125)


async def test_each_attempt_is_fresh_and_a_repeat_is_none(gateway: Any) -> None:
    """Another key begins another attempt with another reference; the same key gets the same address."""
    bill = await gateway.bill()
    path = f"/v1/bills/{bill['bill_id']}/payments"
    first = await gateway.client.post(path, json={}, headers=gateway.customer(key="k1"))
    again = await gateway.client.post(path, json={}, headers=gateway.customer(key="k1"))
    other = await gateway.client.post(path, json={}, headers=gateway.customer(key="k2"))
    assert first.content == again.content
    assert first.json()["order_reference"] != other.json()["order_reference"]
    reused = await gateway.client.post(path, json={"amount_vnd": 10_000}, headers=gateway.customer(key="k1"))
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency-key-reused")
    assert len(await gateway.rows("SELECT 1 FROM payment")) == 2


@pytest.mark.parametrize(
    ("asked", "status", "code"),
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
async def test_a_bad_payment(gateway: Any, asked: Any, status: int, code: str) -> None:
    """It is refused with a reason, and no attempt stays."""
    bill = await gateway.bill()
    answer = await gateway.client.post(f"/v1/bills/{bill['bill_id']}/payments", json=asked, headers=gateway.customer())
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await gateway.rows("SELECT 1 FROM payment") == []


async def test_anothers_bill_cannot_be_paid_and_anothers_payment_not_read(gateway: Any) -> None:
    """Both are 404, as what does not exist; who serves at the counter may do both."""
    bill = await gateway.bill()
    begun = await gateway.begin(bill)
    stranger = gateway.customer("PB11010099999")
    pay = f"/v1/bills/{bill['bill_id']}/payments"
    refused = await gateway.client.post(pay, json={}, headers=stranger)
    assert (refused.status_code, refused.json()["code"]) == (404, "bill-not-found")
    hidden = await gateway.client.get(f"/v1/payments/{begun['payment_id']}", headers=stranger)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "payment-not-found")
    missing = await gateway.client.get(f"/v1/payments/{UUID(int=1)}", headers=stranger)
    assert missing.status_code == 404
    cashier = gateway.headers("cashier")
    assert (await gateway.client.post(pay, json={}, headers=cashier)).status_code == 201
    assert (await gateway.client.get(f"/v1/payments/{begun['payment_id']}", headers=cashier)).status_code == 200
    assert (await gateway.client.post(pay, json={}, headers=gateway.headers("planner"))).status_code == 403


async def test_a_paid_bill_is_not_paid_again(gateway: Any) -> None:
    """Nothing is owed: beginning is refused."""
    bill = await gateway.bill()
    await gateway.call_back(gateway.word(await gateway.begin(bill)))
    answer = await gateway.client.post(f"/v1/bills/{bill['bill_id']}/payments", json={}, headers=gateway.customer())
    assert (answer.status_code, answer.json()["code"]) == (409, "bill-already-paid")


async def test_an_attempt_expires_and_a_late_success_counts(gateway: Any) -> None:
    """Not before its time; and money that is told of later is recorded all the same."""
    bill = await gateway.bill()
    begun = await gateway.begin(bill)
    word = gateway.word(begun)
    gateway.clock.advance(timedelta(minutes=15) - timedelta(seconds=1))
    assert await expire_payments(gateway.services.db, gateway.clock) == 0
    gateway.clock.advance(timedelta(seconds=1))
    assert await expire_payments(gateway.services.db, gateway.clock) == 1
    assert (await gateway.read("payment", begun))["state"] == "expired"
    assert await gateway.call_back(word) == "00"
    assert (await gateway.read("payment", begun))["state"] == "succeeded"
    assert (await gateway.read("bill", bill))["state"] == "paid"
