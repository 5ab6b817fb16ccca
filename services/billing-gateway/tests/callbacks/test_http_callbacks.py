"""VNPay's callbacks at the public door, and what they make true."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

import pytest

from gridcare_local.emulators.vnpay import Outcome, signature

STATE = """
SELECT kind, sum(amount_vnd)::bigint AS amount_vnd FROM entry JOIN account USING (account_id) GROUP BY kind
"""
ANOTHER_ORDER = UUID(int=7).hex


async def balances(gateway: Any) -> dict[str, int]:
    return {row["kind"]: row["amount_vnd"] for row in await gateway.rows(STATE) if row["amount_vnd"]}


async def receipts(gateway: Any) -> list[dict[str, Any]]:
    rows = await gateway.rows("SELECT convert_from(value, 'UTF8') AS value, headers FROM outbox ORDER BY id")
    return [json.loads(row["value"]) for row in rows if "PaymentRecorded" in row["headers"]]


async def everything(gateway: Any) -> list[dict[str, Any]]:
    tables = ("payment", "provider_event", "ledger_transaction", "entry", "account", "outbox", "bill")
    return [row for table in tables for row in await gateway.rows(f"SELECT * FROM {table} ORDER BY 1")]


async def test_a_success_is_recorded_once(gateway: Any) -> None:
    """00, then 02; one movement of money, one receipt, the bill paid."""
    bill = await gateway.bill()
    begun = await gateway.begin(bill)
    word = gateway.word(begun)
    assert await gateway.call_back(word) == "00"
    before = await everything(gateway)
    assert [await gateway.call_back(word) for _ in range(3)] == ["02"] * 3
    assert await everything(gateway) == before
    assert await balances(gateway) == {"clearing": 896_125, "revenue": -896_125}
    paid = await gateway.read("bill", bill)
    assert (paid["state"], paid["paid_vnd"], paid["outstanding_vnd"]) == ("paid", 896_125, 0)
    assert (await gateway.read("payment", begun))["state"] == "succeeded"
    (receipt,) = await receipts(gateway)
    assert receipt["payment_id"] == begun["payment_id"]
    assert receipt["paid_at"] == "2026-11-23T02:30:00Z"
    assert (receipt["amount_vnd"], receipt["bill_outstanding_vnd"], receipt["provider"]) == (896_125, 0, "vnpay")


async def test_a_hundred_at_once_are_one(gateway: Any) -> None:
    """One callback repeated a hundred times together: one 00, ninety-nine 02, one ledger transaction, one receipt."""
    word = gateway.word(await gateway.begin(await gateway.bill()))
    answers = await asyncio.gather(*(gateway.call_back(word) for _ in range(100)))
    assert sorted(answers) == ["00", *["02"] * 99]
    money = await gateway.rows("SELECT 1 FROM ledger_transaction WHERE provider IS NOT NULL")
    assert len(money) == len(await receipts(gateway)) == 1
    assert await balances(gateway) == {"clearing": 896_125, "revenue": -896_125}


async def test_a_forged_callback_leaves_no_trace(gateway: Any) -> None:
    """97, and nothing is stored: anybody may knock."""
    begun = await gateway.begin(await gateway.bill())
    before = await everything(gateway)
    assert await gateway.call_back(gateway.word(begun, Outcome(bad_signature=True))) == "97"
    assert await gateway.call_back(gateway.word(begun).replace("vnp_Amount=896", "vnp_Amount=996")) == "97"
    assert await gateway.call_back("") == "97"
    assert await gateway.call_back("vnp_SecureHash=&x=%ff") == "97"
    assert await everything(gateway) == before


@pytest.mark.parametrize("off_by_vnd", [-1_000, 1_000])
async def test_a_wrong_amount_is_suspended(gateway: Any, off_by_vnd: int) -> None:
    """00, since money moved: it waits in suspense, the bill stays open, the attempt is held, no receipt is sent."""
    bill = await gateway.bill()
    begun = await gateway.begin(bill)
    assert await gateway.call_back(gateway.word(begun, Outcome(amount_off_by_vnd=off_by_vnd))) == "00"
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


async def test_money_for_an_unknown_order_is_suspended(gateway: Any) -> None:
    """00: an order that is not ours, and still money that came in."""
    begun = await gateway.begin(await gateway.bill())
    word = gateway.word({"pay_url": resigned(begun["pay_url"])})
    assert [await gateway.call_back(word) for _ in range(2)] == ["00", "02"]
    assert (await balances(gateway))["suspense"] == -896_125
    (money,) = await gateway.rows("SELECT reason, bill_id FROM ledger_transaction WHERE kind = 'money_suspended'")
    assert money == {"reason": "unknown_order", "bill_id": None}


async def test_a_failure_is_noted_and_a_later_success_counts(gateway: Any) -> None:
    """Cancelled, then paid after all within the same order: failed first, then succeeded, each answered 00."""
    begun = await gateway.begin(await gateway.bill())
    cancelled = gateway.word(begun, Outcome(response_code="24", transaction_status="02"))
    assert [await gateway.call_back(cancelled) for _ in range(2)] == ["00", "02"]
    payment = await gateway.read("payment", begun)
    assert (payment["state"], payment["reason"]) == ("failed", "cancelled")
    assert await gateway.call_back(gateway.word(begun)) == "00"
    assert (await gateway.read("payment", begun))["state"] == "succeeded"
    assert await gateway.call_back(gateway.word(begun, Outcome(response_code="51"))) == "00"
    assert (await gateway.read("payment", begun))["state"] == "succeeded"


async def test_no_money_and_no_match(gateway: Any) -> None:
    """01 for a failure of an unknown order, 04 for one with a wrong amount; both are stored and neither changes anything."""
    begun = await gateway.begin(await gateway.bill())
    failed = Outcome(response_code="24")
    wrong = gateway.word(begun, Outcome(response_code="24", amount_off_by_vnd=1))
    unknown = gateway.word({"pay_url": resigned(begun["pay_url"])}, failed)
    assert [await gateway.call_back(unknown) for _ in range(2)] == ["01", "01"]
    assert await gateway.call_back(wrong) == "04"
    assert (await gateway.read("payment", begun))["state"] == "begun"
    outcomes = await gateway.rows("SELECT outcome FROM provider_event")
    assert [row["outcome"] for row in outcomes] == ["unmatched", "unmatched"]


async def test_suspected_fraud_is_held_and_released_once(gateway: Any) -> None:
    """07 is money in suspense; when VNPay clears it, it pays the bill from there, and only then is a receipt sent."""
    bill = await gateway.bill()
    begun = await gateway.begin(bill)
    assert await gateway.call_back(gateway.word(begun, Outcome(response_code="07"))) == "00"
    payment = await gateway.read("payment", begun)
    assert (payment["state"], payment["reason"]) == ("held", "suspected_fraud")
    assert (await balances(gateway))["suspense"] == -896_125
    assert await receipts(gateway) == []
    cleared = gateway.word(begun)
    assert [await gateway.call_back(cleared) for _ in range(2)] == ["00", "02"]
    assert await balances(gateway) == {"clearing": 896_125, "revenue": -896_125}
    assert (await gateway.read("payment", begun))["state"] == "succeeded"
    assert len(await receipts(gateway)) == 1


async def test_a_second_payment_of_a_paid_bill_is_credit(gateway: Any) -> None:
    """Two attempts that both went through: the second one's money is the customer's credit, with a receipt of its own."""
    bill = await gateway.bill()
    words = [gateway.word(await gateway.begin(bill)) for _ in range(2)]
    assert list(await asyncio.gather(*(gateway.call_back(word) for word in words))) == ["00", "00"]
    assert await balances(gateway) == {"clearing": 1_792_250, "customer_credit": -896_125, "revenue": -896_125}
    paid = await gateway.read("bill", bill)
    assert (paid["state"], paid["credit_vnd"], paid["paid_vnd"]) == ("overpaid", 896_125, 1_792_250)
    assert [receipt["bill_outstanding_vnd"] for receipt in await receipts(gateway)] == [0, -896_125]


async def test_parts_leave_the_rest_owed(gateway: Any) -> None:
    """A part of the bill is paid: the rest stays receivable and can be paid after."""
    bill = await gateway.bill()
    await gateway.call_back(gateway.word(await gateway.begin(bill, amount_vnd=500_000)))
    part = await gateway.read("bill", bill)
    assert (part["state"], part["outstanding_vnd"]) == ("partially_paid", 396_125)
    await gateway.call_back(gateway.word(await gateway.begin(bill)))
    assert (await gateway.read("bill", bill))["state"] == "paid"
    assert [receipt["bill_outstanding_vnd"] for receipt in await receipts(gateway)] == [396_125, 0]


async def test_a_second_transaction_of_one_order_is_suspended(gateway: Any) -> None:
    """VNPay pays an order once; were it to say another number, that money waits for a person."""
    begun = await gateway.begin(await gateway.bill())
    assert await gateway.call_back(gateway.word(begun)) == "00"
    assert await gateway.call_back(gateway.word(begun, Outcome(transaction_number="777"))) == "00"
    assert (await balances(gateway))["suspense"] == -896_125
    assert (await gateway.read("payment", begun))["state"] == "succeeded"
    assert len(await receipts(gateway)) == 1


async def test_signed_nonsense_is_kept_for_a_person(gateway: Any) -> None:
    """99: a success without a transaction number is stored, marked unreadable, and moves nothing."""
    begun = await gateway.begin(await gateway.bill())
    word = gateway.word(begun, Outcome(transaction_number="0"))
    assert [await gateway.call_back(word) for _ in range(2)] == ["99", "99"]
    (stored,) = await gateway.rows("SELECT outcome, raw FROM provider_event")
    assert stored == {"outcome": "unreadable", "raw": word}
    assert "clearing" not in await balances(gateway)


def resigned(pay_url: str) -> str:
    """Make a pay address with an order reference that we never gave, signed as if we had."""
    fields = dict(parse_qsl(urlsplit(pay_url).query))
    del fields["vnp_SecureHash"]
    fields["vnp_TxnRef"] = ANOTHER_ORDER
    return f"https://pay.example/?{urlencode(fields)}&vnp_SecureHash={signature('TESTSECRET', fields)}"
