"""The VNPay emulator's merchant web API: it signs by VNPay's rule, tells the truth, and remembers after a kill."""

import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gridcare_local.emulators.control import Emulator, EmulatorError, start_emulator
from gridcare_local.emulators.vnpay import QUERY_PATH
from gridcare_local.emulators.vnpay.payer import PlayedPayment, callback_query

SECRET = "TESTSECRET"
ORDER = {
    "vnp_Amount": "89612500",
    "vnp_CreateDate": "20261123092500",
    "vnp_OrderInfo": "Thanh toan tien dien PB11010012345 T10/2026",
    "vnp_TmnCode": "CTTVNP01",
    "vnp_TxnRef": "HD202610-0001",
}
CREATED = ORDER["vnp_CreateDate"]
QUESTION = f"rq-1|2.1.0|querydr|CTTVNP01|HD202610-0001|{CREATED}|20261123094500|10.0.0.5|Tra cuu HD202610-0001"
NAMES = "RequestId|Version|Command|TmnCode|TxnRef|TransactionDate|CreateDate|IpAddr|OrderInfo"
VECTOR = (  # VNPay's rule applied to the question, computed without this code
    "3dc25358bec6e2a68c8b87aa419d69e259e27d4f5d9391af110351aa16fb1160"
    "45ca1c2ecde28ac3806b1ab50c19ce207967b01924a0eb7af44be7031d19af5a"
)


@pytest.fixture
def vnpay(tmp_path: Path) -> Iterator[Emulator]:
    """Yield a fresh VNPay."""
    emulator = start_emulator("vnpay", tmp_path, environment={"EMULATOR_VNPAY_HASH_SECRET": SECRET})
    yield emulator
    emulator.stop()


def ask(
    vnpay: Emulator,
    number: int = 1,
    signature: str | None = None,
    *,
    date: str = CREATED,
    numeric: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Ask about the order of a date under a fresh request id; the `numeric` fields go as JSON numbers."""
    text = QUESTION.replace("rq-1", f"rq-{number}").replace(CREATED, date)
    fields = {f"vnp_{name}": value for name, value in zip(NAMES.split("|"), text.split("|"), strict=True)}
    signed = signature or hmac.new(SECRET.encode(), text.encode(), hashlib.sha512).hexdigest()
    body = {**fields, **{name: int(fields[name]) for name in numeric}, "vnp_SecureHash": signed}
    answer = httpx.post(f"{vnpay.url}{QUERY_PATH}", json=body, trust_env=False)
    return dict(answer.raise_for_status().json())


def pay(vnpay: Emulator, played: PlayedPayment) -> None:
    query = callback_query(SECRET, ORDER, played)
    vnpay.request("POST", "/_emulator/payments", {"query": query, "created": CREATED})


def test_questions_may_hold_numbers(vnpay: Emulator) -> None:
    """Public clients send times as JSON numbers, and sign their digits: that is the same question."""
    pay(vnpay, PlayedPayment())
    told = ask(vnpay, 1, VECTOR, numeric=("vnp_TransactionDate", "vnp_CreateDate"))
    assert (told["vnp_ResponseCode"], told["vnp_TransactionStatus"]) == ("00", "00")


def test_questions_are_answered_truthfully(vnpay: Emulator) -> None:
    """An unknown order is 91, then its failure and then its payment are told, after a kill, too; the same question is 94."""
    assert ask(vnpay, 1, VECTOR)["vnp_ResponseCode"] == "91"
    assert ask(vnpay, 1, VECTOR)["vnp_ResponseCode"] == "94"
    assert ask(vnpay, 2, VECTOR)["vnp_ResponseCode"] == "97"
    pay(vnpay, PlayedPayment(response_code="24"))
    assert ask(vnpay, 3)["vnp_TransactionStatus"] == "02"
    pay(vnpay, PlayedPayment())
    pay(vnpay, PlayedPayment(response_code="11"))
    vnpay.kill()
    vnpay.start_again()
    told = ask(vnpay, 4)
    assert (told["vnp_ResponseCode"], told["vnp_TransactionStatus"], told["vnp_Amount"]) == ("00", "00", "89612500")
    assert ask(vnpay, 3)["vnp_ResponseCode"] == "94"


def test_orders_have_a_date(vnpay: Emulator) -> None:
    """An order is found by its reference and the date of its pay address, after a kill, too; a date that is none is 03."""
    pay(vnpay, PlayedPayment())
    assert ask(vnpay, 1, date="20261123093001")["vnp_ResponseCode"] == "91"
    assert ask(vnpay, 2, date="2026-11-23 09:30")["vnp_ResponseCode"] == "03"
    vnpay.kill()
    vnpay.start_again()
    assert ask(vnpay, 3, date="20261123093001")["vnp_ResponseCode"] == "91"
    assert ask(vnpay, 4)["vnp_ResponseCode"] == "00"


def test_nobody_forges_payments(vnpay: Emulator) -> None:
    """A payment that VNPay did not sign is refused."""
    with pytest.raises(EmulatorError, match="vnp_SecureHash"):
        pay(vnpay, PlayedPayment(bad_signature=True))


def test_secrets_are_needed(tmp_path: Path) -> None:
    """Without the merchant's secret it does not start."""
    with pytest.raises(EmulatorError, match="EMULATOR_VNPAY_HASH_SECRET"):
        start_emulator("vnpay", tmp_path, environment={"EMULATOR_VNPAY_HASH_SECRET": ""})
