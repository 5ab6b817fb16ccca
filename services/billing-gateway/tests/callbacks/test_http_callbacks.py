"""VNPay's callbacks through the API: what they are answered, and what they make true."""

import asyncio
import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

import pytest

from billing_gateway.callbacks.flow.handle_provider_event import handle_fresh_event
from billing_gateway.callbacks.flow.store_callback import StoreCallback, store_callback
from billing_gateway.providers.core import ProviderReport, Verdict
from billing_gateway.providers.vnpay.merchant import Vnpay
from billing_gateway.providers.vnpay.terminal import Terminal
from gridcare_local.emulators.vnpay.payer import PlayedPayment, signature

BALANCES = """
SELECT kind, sum(amount_vnd)::bigint AS amount_vnd FROM entry JOIN account USING (account_id) GROUP BY kind
"""
ANOTHER_ORDER = UUID(int=7).hex
SECRET = "TESTSECRET"
TMN_CODE = "CTTVNP01"


async def balances(gateway: Any) -> dict[str, int]:
    return {row["kind"]: row["amount_vnd"] for row in await gateway.rows(BALANCES) if row["amount_vnd"]}


async def receipts(gateway: Any) -> list[dict[str, Any]]:
    rows = await gateway.rows("SELECT convert_from(value, 'UTF8') AS value, headers FROM outbox ORDER BY id")
    return [json.loads(row["value"]) for row in rows if "PaymentRecorded" in row["headers"]]


async def everything(gateway: Any) -> list[dict[str, Any]]:
    tables = ("payment", "provider_event", "ledger_transaction", "entry", "account", "outbox", "bill")
    return [row for table in tables for row in await gateway.rows(f"SELECT * FROM {table} ORDER BY 1")]


async def test_a_success_is_recorded_once(gateway: Any) -> None:
    """A success gets 00, repeats get 02; there is one movement of money and one receipt, and the bill is paid."""
    bill = await gateway.bill()
    begun = await gateway.begin(bill)
    query = gateway.callback(begun)
    assert await gateway.call_back(query) == "00"
    before = await everything(gateway)
    assert [await gateway.call_back(query) for _ in range(3)] == ["02"] * 3
    assert await everything(gateway) == before
    assert await balances(gateway) == {"clearing": 896_125, "revenue": -896_125}
    paid = await gateway.read("bill", bill)
    assert (paid["state"], paid["paid_vnd"], paid["outstanding_vnd"]) == ("paid", 896_125, 0)
    assert (await gateway.read("payment", begun))["state"] == "succeeded"
    (receipt,) = await receipts(gateway)
    assert receipt["payment_id"] == begun["payment_id"]
    assert receipt["paid_at"] == "2026-11-23T02:30:00Z"
    assert (receipt["amount_vnd"], receipt["bill_outstanding_vnd"], receipt["provider"]) == (896_125, 0, "vnpay")


async def test_a_hundred_are_one(gateway: Any) -> None:
    """A hundred equal callbacks at once get one 00 and ninety-nine 02, and make one transaction and one receipt."""
    query = gateway.callback(await gateway.begin(await gateway.bill()))
    answers = await asyncio.gather(*(gateway.call_back(query) for _ in range(100)))
    assert sorted(answers) == ["00", *["02"] * 99]
    money = await gateway.rows("SELECT 1 FROM ledger_transaction WHERE provider IS NOT NULL")
    assert len(money) == len(await receipts(gateway)) == 1
    assert await balances(gateway) == {"clearing": 896_125, "revenue": -896_125}


async def test_forgeries_leave_no_trace(gateway: Any) -> None:
    """A callback with a bad signature gets 97, as does our own pay address, and nothing is stored."""
    begun = await gateway.begin(await gateway.bill())
    before = await everything(gateway)
    assert await gateway.call_back(gateway.callback(begun, PlayedPayment(bad_signature=True))) == "97"
    assert await gateway.call_back(gateway.callback(begun).replace("vnp_Amount=896", "vnp_Amount=996")) == "97"
    assert await gateway.call_back("") == "97"
    assert await gateway.call_back("vnp_SecureHash=&x=%ff") == "97"
    assert await gateway.call_back(urlsplit(begun["pay_url"]).query) == "97"
    assert await everything(gateway) == before


async def test_respelt_callbacks_are_one(gateway: Any) -> None:
    """A callback that a proxy spelt anew is taken, and is the same callback as before: 00, then 02, one movement."""
    query = gateway.callback(await gateway.begin(await gateway.bill()))
    respelt = query.replace("+", "%20").replace("%2F", "%2f") + "&vnp_PromotionCode="
    assert "%20" in respelt
    assert "%2f" in respelt
    assert [await gateway.call_back(each) for each in (respelt, query)] == ["00", "02"]
    assert await balances(gateway) == {"clearing": 896_125, "revenue": -896_125}


@pytest.mark.parametrize("off_by_vnd", [-1_000, 1_000])
async def test_wrong_amounts_are_suspended(gateway: Any, off_by_vnd: int) -> None:
    """A wrong amount gets 00, since money moved, and waits in suspense: the payment is held, the bill stays open."""
    bill = await gateway.bill()
    begun = await gateway.begin(bill)
    assert await gateway.call_back(gateway.callback(begun, PlayedPayment(amount_off_by_vnd=off_by_vnd))) == "00"
    amount_vnd = 896_125 + off_by_vnd
    assert await balances(gateway) == {
        "clearing": amount_vnd,
        "suspense": -amount_vnd,
        "receivable": 896_125,
        "revenue": -896_125,
    }
    payment = await gateway.read("payment", begun)
    assert (payment["state"], payment["reason"]) == ("held", "wrong_amount")
    assert (await gateway.read("bill", bill))["state"] == "open"
    assert await receipts(gateway) == []


async def test_unknown_orders_are_suspended(gateway: Any) -> None:
    """Money for an order that we do not know gets 00 and goes to suspense, without a bill."""
    begun = await gateway.begin(await gateway.bill())
    query = gateway.callback({"pay_url": resigned(begun["pay_url"])})
    assert [await gateway.call_back(query) for _ in range(2)] == ["00", "02"]
    assert (await balances(gateway))["suspense"] == -896_125
    (money,) = await gateway.rows("SELECT reason, bill_id FROM ledger_transaction WHERE kind = 'money_suspended'")
    assert money == {"reason": "unknown_order", "bill_id": None}


@pytest.mark.parametrize("vnpay_acceptance_answers", [False, True])
async def test_answers_move_no_money(gateway: Any, *, vnpay_acceptance_answers: bool) -> None:
    """VNPay's acceptance test hears 01, 04 and 02 where the setting is on; the money is in suspense either way."""
    begun, other = [await gateway.begin(await gateway.bill()) for _ in range(2)]
    queries = [
        gateway.callback({"pay_url": resigned(begun["pay_url"])}),
        gateway.callback(begun, PlayedPayment(amount_off_by_vnd=1_000)),
        gateway.callback(other),
        gateway.callback(other, PlayedPayment(transaction_number="777")),
    ]
    expected = ["01", "04", "00", "02"] if vnpay_acceptance_answers else ["00"] * 4
    assert [await gateway.call_back(query) for query in queries] == expected
    assert (await balances(gateway))["suspense"] == -(3 * 896_125 + 1_000)
    assert len(await receipts(gateway)) == 1


async def test_a_later_success_counts(gateway: Any) -> None:
    """A cancelled payment fails; if it is paid after all under the same order, it succeeds and stays so."""
    begun = await gateway.begin(await gateway.bill())
    cancelled = gateway.callback(begun, PlayedPayment(response_code="24", transaction_status="02"))
    assert [await gateway.call_back(cancelled) for _ in range(2)] == ["00", "02"]
    payment = await gateway.read("payment", begun)
    assert (payment["state"], payment["reason"]) == ("failed", "cancelled")
    assert await gateway.call_back(gateway.callback(begun)) == "00"
    assert (await gateway.read("payment", begun))["state"] == "succeeded"
    assert await gateway.call_back(gateway.callback(begun, PlayedPayment(response_code="51"))) == "00"
    assert (await gateway.read("payment", begun))["state"] == "succeeded"


async def test_failures_without_a_match(gateway: Any) -> None:
    """A failure of an unknown order gets 01, one with a wrong amount 04; both are stored and change nothing."""
    begun = await gateway.begin(await gateway.bill())
    failed = PlayedPayment(response_code="24")
    wrong = gateway.callback(begun, PlayedPayment(response_code="24", amount_off_by_vnd=1))
    unknown = gateway.callback({"pay_url": resigned(begun["pay_url"])}, failed)
    assert [await gateway.call_back(unknown) for _ in range(2)] == ["01", "01"]
    assert await gateway.call_back(wrong) == "04"
    assert (await gateway.read("payment", begun))["state"] == "begun"
    outcomes = await gateway.rows("SELECT outcome FROM provider_event")
    assert [row["outcome"] for row in outcomes] == ["unmatched", "unmatched"]


async def test_suspected_money_is_released_once(gateway: Any) -> None:
    """Money under code 07 waits in suspense; cleared by VNPay it pays the bill, with one receipt."""
    bill = await gateway.bill()
    begun = await gateway.begin(bill)
    assert await gateway.call_back(gateway.callback(begun, PlayedPayment(response_code="07"))) == "00"
    payment = await gateway.read("payment", begun)
    assert (payment["state"], payment["reason"]) == ("held", "suspected_fraud")
    assert (await balances(gateway))["suspense"] == -896_125
    assert await receipts(gateway) == []
    cleared = gateway.callback(begun)
    assert [await gateway.call_back(cleared) for _ in range(2)] == ["00", "02"]
    assert await balances(gateway) == {"clearing": 896_125, "revenue": -896_125}
    assert (await gateway.read("payment", begun))["state"] == "succeeded"
    assert len(await receipts(gateway)) == 1


async def test_a_second_payment_is_credit(gateway: Any) -> None:
    """When two payments for one bill succeed, the second one's money becomes credit, with a receipt of its own."""
    bill = await gateway.bill()
    queries = [gateway.callback(await gateway.begin(bill)) for _ in range(2)]
    assert list(await asyncio.gather(*(gateway.call_back(query) for query in queries))) == ["00", "00"]
    assert await balances(gateway) == {"clearing": 1_792_250, "customer_credit": -896_125, "revenue": -896_125}
    paid = await gateway.read("bill", bill)
    assert (paid["state"], paid["credit_vnd"], paid["paid_vnd"]) == ("overpaid", 896_125, 1_792_250)
    assert [receipt["bill_outstanding_vnd"] for receipt in await receipts(gateway)] == [0, -896_125]


async def test_parts_leave_the_rest_owed(gateway: Any) -> None:
    """After a part payment the rest of the bill stays owed and can be paid."""
    bill = await gateway.bill()
    await gateway.call_back(gateway.callback(await gateway.begin(bill, amount_vnd=500_000)))
    part = await gateway.read("bill", bill)
    assert (part["state"], part["outstanding_vnd"]) == ("partially_paid", 396_125)
    await gateway.call_back(gateway.callback(await gateway.begin(bill)))
    assert (await gateway.read("bill", bill))["state"] == "paid"
    assert [receipt["bill_outstanding_vnd"] for receipt in await receipts(gateway)] == [396_125, 0]


async def test_an_order_is_paid_once(gateway: Any) -> None:
    """Money for a paid order under another transaction number waits in suspense."""
    begun = await gateway.begin(await gateway.bill())
    assert await gateway.call_back(gateway.callback(begun)) == "00"
    assert await gateway.call_back(gateway.callback(begun, PlayedPayment(transaction_number="777"))) == "00"
    assert (await balances(gateway))["suspense"] == -896_125
    assert (await gateway.read("payment", begun))["state"] == "succeeded"
    assert len(await receipts(gateway)) == 1


async def test_signed_nonsense_is_kept(gateway: Any) -> None:
    """A success without a transaction number gets 99, is stored as unreadable, and moves nothing."""
    begun = await gateway.begin(await gateway.bill())
    query = gateway.callback(begun, PlayedPayment(transaction_number="0"))
    assert [await gateway.call_back(query) for _ in range(2)] == ["99", "99"]
    (stored,) = await gateway.rows("SELECT outcome, raw FROM provider_event")
    assert stored == {"outcome": "unreadable", "raw": query}
    assert "clearing" not in await balances(gateway)


async def test_a_bug_refuses_no_callback(gateway: Any) -> None:
    """A callback that our code fails to read is stored and answered 00, and the worker counts its failures."""

    class Buggy(Vnpay):
        def read(self, raw: str) -> ProviderReport:
            raise OverflowError(raw)

    vnpay = Buggy(terminal=Terminal(TMN_CODE, SECRET), pay_url="", return_url="", order_type="")
    room = replace(gateway.rooms.callbacks, providers={"vnpay": vnpay})
    command = StoreCallback(provider="vnpay", raw=gateway.callback(await gateway.begin(await gateway.bill())).encode())
    stored = await store_callback(command, room=room)
    assert stored.verdict is Verdict.ACCEPTED
    assert (await store_callback(command, room=room)).verdict is Verdict.REPEATED
    assert stored.provider_event_id is not None
    await handle_fresh_event(stored.provider_event_id, room=room)
    assert await gateway.rows("SELECT kind, item_id, error_class FROM poison") == [
        {"kind": "provider-event", "item_id": str(stored.provider_event_id), "error_class": "OverflowError"}
    ]


def resigned(pay_url: str) -> str:
    """Return the pay address with an order reference that we never drew, signed with our secret."""
    fields = dict(parse_qsl(urlsplit(pay_url).query))
    del fields["vnp_SecureHash"]
    fields["vnp_TxnRef"] = ANOTHER_ORDER
    return f"https://pay.example/?{urlencode(fields)}&vnp_SecureHash={signature('TESTSECRET', fields)}"
