"""Plays VNPay: checks the pay address that a payer is sent to, as VNPay would, and calls back with the result.

    python -m gridcare_local.emulators.vnpay.payer PAY_URL CALLBACK_URL [--response-code 24] [--amount-off-by-vnd 1000]
        [--bad-signature] [--repeat 3]

reads GRIDCARE_VNPAY_HASH_SECRET and prints each answer. The signature is computed here independently, according to
VNPay's document and from the decoded values, so that it cannot repeat a mistake in the service's code.
"""

import argparse
import asyncio
import hashlib
import hmac
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Final
from urllib.parse import parse_qsl, quote_plus, urlsplit

import msgspec
from pyreqwest.client import ClientBuilder

from gridcare_local.emulators.journal import Journal
from gridcare_local.errors import LocalStackError

TIMEOUT_S: Final = 30.0
FACTOR: Final = 100
_GMT7: Final = timezone(timedelta(hours=7))
_TIME: Final = "%Y%m%d%H%M%S"
_FIELDS: Final = {  # patterns of the fields that VNPay 2.1.0 requires in a pay address
    "vnp_Version": r"2\.1\.0",
    "vnp_Command": "pay",
    "vnp_TmnCode": r"[0-9A-Za-z]{8}",
    "vnp_Amount": r"[1-9][0-9]{0,11}",
    "vnp_CreateDate": r"[0-9]{14}",
    "vnp_CurrCode": "VND",
    "vnp_IpAddr": r"[0-9a-fA-F.:]{2,45}",
    "vnp_Locale": "vn|en",
    "vnp_OrderInfo": r"[0-9A-Za-z .:/_-]{1,255}",
    "vnp_OrderType": r"[0-9A-Za-z]{1,100}",
    "vnp_ReturnUrl": r"https?://.{1,250}",
    "vnp_ExpireDate": r"[0-9]{14}",
    "vnp_TxnRef": r"[0-9A-Za-z._-]{1,100}",
}


class PayUrlRefused(LocalStackError):
    """VNPay would show an error page for this address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedPayment:
    """How an order is paid. By default, the payment succeeds."""

    response_code: str = "00"
    transaction_status: str | None = None
    """If None, the same as the response code."""
    transaction_number: str | None = None
    """If None, derived from the order reference, or `0` for a failure."""
    amount_off_by_vnd: int = 0
    bad_signature: bool = False
    pay_date: datetime | None = None
    """The time of the payment; if None, the order's creation."""


SUCCESS: Final = PlayedPayment()


def signature(secret: str, fields: Mapping[str, str]) -> str:
    """Return the HMAC-SHA512 of the fields, sorted by name and form-encoded, as hex."""
    text = "&".join(f"{quote_plus(name)}={quote_plus(fields[name])}" for name in sorted(fields))
    return hmac.new(secret.encode(), text.encode(), hashlib.sha512).hexdigest()


def read_pay_url(secret: str, pay_url: str, *, now: datetime | None = None) -> dict[str, str]:
    """Check a pay address as VNPay's page does and return its fields. Raises PayUrlRefused with a field's name."""
    pairs = parse_qsl(urlsplit(pay_url).query, keep_blank_values=True, strict_parsing=True)
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise PayUrlRefused("a field twice")
    given = fields.pop("vnp_SecureHash", "")
    if not hmac.compare_digest(given, signature(secret, fields)):
        raise PayUrlRefused("vnp_SecureHash")
    for name, pattern in _FIELDS.items():
        if not re.fullmatch(pattern, fields.get(name, "")):
            raise PayUrlRefused(name)
    created, expires = (_time(fields[name]) for name in ("vnp_CreateDate", "vnp_ExpireDate"))
    if expires <= created or (now is not None and expires <= now):
        raise PayUrlRefused("vnp_ExpireDate")
    return fields


def callback_query(secret: str, order: Mapping[str, str], payment: PlayedPayment = SUCCESS) -> str:
    """Return the query of VNPay's callback for an order with these fields (from `read_pay_url`)."""
    moved = payment.response_code in {"00", "07"}
    number = payment.transaction_number or (_number(order["vnp_TxnRef"]) if moved else "0")
    paid_at = payment.pay_date.astimezone(_GMT7).strftime(_TIME) if payment.pay_date else order["vnp_CreateDate"]
    fields = {
        "vnp_Amount": str(int(order["vnp_Amount"]) + payment.amount_off_by_vnd * FACTOR),
        "vnp_BankCode": "NCB",
        "vnp_CardType": "ATM",
        "vnp_OrderInfo": order["vnp_OrderInfo"],
        "vnp_PayDate": paid_at,
        "vnp_ResponseCode": payment.response_code,
        "vnp_TmnCode": order["vnp_TmnCode"],
        "vnp_TransactionNo": number,
        "vnp_TransactionStatus": payment.transaction_status or payment.response_code,
        "vnp_TxnRef": order["vnp_TxnRef"],
    }
    if moved:
        fields["vnp_BankTranNo"] = f"VNP{number}"
    signed = signature("another secret" if payment.bad_signature else secret, fields)
    return "&".join(f"{name}={quote_plus(value)}" for name, value in fields.items()) + f"&vnp_SecureHash={signed}"


async def call_back(callback_url: str, query: str, *, repeat: int = 1, together: bool = False) -> list[dict[str, Any]]:
    """Send the callback `repeat` times, one after another or all `together`, and return the decoded answers."""
    async with ClientBuilder().timeout(timedelta(seconds=TIMEOUT_S)).follow_redirects(enable=False).build() as client:

        async def send() -> dict[str, Any]:
            answer = await client.get(f"{callback_url}?{query}").build().send()
            body: dict[str, Any] = msgspec.json.decode(bytes(await answer.bytes()))
            return body

        if together:
            return list(await asyncio.gather(*(send() for _ in range(repeat))))
        return [await send() for _ in range(repeat)]


async def play(
    secret: str,
    pay_url: str,
    callback_url: str,
    payment: PlayedPayment = SUCCESS,
    *,
    repeat: int = 1,
    journal: Journal | None = None,
) -> list[dict[str, Any]]:
    """Pay an order: check its address, write the payment to the journal and call back. Raises PayUrlRefused.

    The journal is written first, so money that is in the journal but not in the service's ledger is lost money.
    """
    order = read_pay_url(secret, pay_url)
    query = callback_query(secret, order, payment)
    if journal is not None:
        fields = dict(parse_qsl(query))
        journal.append(
            "payment",
            {
                "order_reference": fields["vnp_TxnRef"],
                "transaction_number": fields["vnp_TransactionNo"],
                "response_code": fields["vnp_ResponseCode"],
                "amount_vnd": int(fields["vnp_Amount"]) // FACTOR,
            },
        )
    return await call_back(callback_url, query, repeat=repeat)


def _number(order_reference: str) -> str:
    """Return the transaction number of an order, always the same."""
    digest = hashlib.sha256(order_reference.encode()).digest()
    return str(10**13 + int.from_bytes(digest[:6]) % 10**13)


def _time(text: str) -> datetime:
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=_GMT7)
    except ValueError:
        raise PayUrlRefused("vnp_CreateDate or vnp_ExpireDate") from None


def main(arguments: list[str]) -> int:
    """Play one order from the command line. Return 0 if all answers were `00` or `02`, which end VNPay's calls."""
    parser = argparse.ArgumentParser(prog="python -m gridcare_local.emulators.vnpay.payer", description=__doc__)
    parser.add_argument("pay_url")
    parser.add_argument("callback_url")
    parser.add_argument("--response-code", default="00")
    parser.add_argument("--amount-off-by-vnd", type=int, default=0)
    parser.add_argument("--bad-signature", action="store_true")
    parser.add_argument("--repeat", type=int, default=1)
    given = parser.parse_args(arguments)
    payment = PlayedPayment(
        response_code=given.response_code,
        amount_off_by_vnd=given.amount_off_by_vnd,
        bad_signature=given.bad_signature,
    )
    secret = os.environ.get("GRIDCARE_VNPAY_HASH_SECRET")
    if not secret:
        raise SystemExit("set GRIDCARE_VNPAY_HASH_SECRET")
    answers = asyncio.run(play(secret, given.pay_url, given.callback_url, payment, repeat=given.repeat))
    for answer in answers:
        print(msgspec.json.encode(answer).decode())
    return 0 if all(answer.get("RspCode") in {"00", "02"} for answer in answers) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
