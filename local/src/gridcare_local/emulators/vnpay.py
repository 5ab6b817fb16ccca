"""VNPay played: takes the address that a payer is sent to, checks it as VNPay would, and calls back what became of it.

    python -m gridcare_local.emulators.vnpay PAY_URL CALLBACK_URL [--response-code 24] [--amount-off-by-vnd 1000]
        [--bad-signature] [--repeat 3]

reads GRIDCARE_VNPAY_HASH_SECRET and prints each answer. The signature is computed here by VNPay's document alone, from the
decoded values, so that a mistake of the service's own code cannot agree with itself.
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
_FIELDS: Final = {  # what VNPay 2.1.0 demands of a pay address, as patterns
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
class Outcome:
    """What becomes of an order. The default is a payment that succeeds."""

    response_code: str = "00"
    transaction_status: str | None = None
    """The same as the response code when None."""
    transaction_number: str | None = None
    """Drawn from the order reference when None; `0` for what failed."""
    amount_off_by_vnd: int = 0
    bad_signature: bool = False
    pay_date: datetime | None = None
    """When it was paid; the order's creation when None."""


SUCCESS: Final = Outcome()


def signature(secret: str, fields: Mapping[str, str]) -> str:
    """HMAC-SHA512 over the fields sorted by name and form-encoded, as hex."""
    text = "&".join(f"{quote_plus(name)}={quote_plus(fields[name])}" for name in sorted(fields))
    return hmac.new(secret.encode(), text.encode(), hashlib.sha512).hexdigest()


def read_pay_url(secret: str, pay_url: str, *, now: datetime | None = None) -> dict[str, str]:
    """Check a pay address as VNPay's page does and return its fields. Raises PayUrlRefused with the field's name."""
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


def callback_query(secret: str, order: Mapping[str, str], outcome: Outcome = SUCCESS) -> str:
    """Write the query of VNPay's callback about an order whose fields `read_pay_url` gave."""
    moved = outcome.response_code in {"00", "07"}
    number = outcome.transaction_number or (_number(order["vnp_TxnRef"]) if moved else "0")
    paid_at = outcome.pay_date.astimezone(_GMT7).strftime(_TIME) if outcome.pay_date else order["vnp_CreateDate"]
    fields = {
        "vnp_Amount": str(int(order["vnp_Amount"]) + outcome.amount_off_by_vnd * FACTOR),
        "vnp_BankCode": "NCB",
        "vnp_CardType": "ATM",
        "vnp_OrderInfo": order["vnp_OrderInfo"],
        "vnp_PayDate": paid_at,
        "vnp_ResponseCode": outcome.response_code,
        "vnp_TmnCode": order["vnp_TmnCode"],
        "vnp_TransactionNo": number,
        "vnp_TransactionStatus": outcome.transaction_status or outcome.response_code,
        "vnp_TxnRef": order["vnp_TxnRef"],
    }
    if moved:
        fields["vnp_BankTranNo"] = f"VNP{number}"
    signed = signature("another secret" if outcome.bad_signature else secret, fields)
    return "&".join(f"{name}={quote_plus(value)}" for name, value in fields.items()) + f"&vnp_SecureHash={signed}"


async def call_back(callback_url: str, query: str, *, repeat: int = 1, together: bool = False) -> list[dict[str, Any]]:
    """Send the callback `repeat` times, one after the other or all at once; VNPay's view of each answer."""
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
    outcome: Outcome = SUCCESS,
    *,
    repeat: int = 1,
    journal: Journal | None = None,
) -> list[dict[str, Any]]:
    """Let a payer go through with an order: check its address, note the money that moved, call back. Raises PayUrlRefused.

    The journal has the money before the callback leaves: what it holds and the service's ledger does not is lost money.
    """
    order = read_pay_url(secret, pay_url)
    query = callback_query(secret, order, outcome)
    if journal is not None:
        told = dict(parse_qsl(query))
        journal.append(
            "payment",
            {
                "order_reference": told["vnp_TxnRef"],
                "transaction_number": told["vnp_TransactionNo"],
                "response_code": told["vnp_ResponseCode"],
                "amount_vnd": int(told["vnp_Amount"]) // FACTOR,
            },
        )
    return await call_back(callback_url, query, repeat=repeat)


def _number(order_reference: str) -> str:
    """Draw a transaction number that stays the same for an order."""
    digest = hashlib.sha256(order_reference.encode()).digest()
    return str(10**13 + int.from_bytes(digest[:6]) % 10**13)


def _time(text: str) -> datetime:
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=_GMT7)
    except ValueError:
        raise PayUrlRefused("vnp_CreateDate or vnp_ExpireDate") from None


def main(arguments: list[str]) -> int:
    """Play one order from the command line; 0 when the callback was answered `00` or `02`, which end VNPay's calls."""
    parser = argparse.ArgumentParser(prog="python -m gridcare_local.emulators.vnpay", description=__doc__)
    parser.add_argument("pay_url")
    parser.add_argument("callback_url")
    parser.add_argument("--response-code", default="00")
    parser.add_argument("--amount-off-by-vnd", type=int, default=0)
    parser.add_argument("--bad-signature", action="store_true")
    parser.add_argument("--repeat", type=int, default=1)
    asked = parser.parse_args(arguments)
    outcome = Outcome(
        response_code=asked.response_code,
        amount_off_by_vnd=asked.amount_off_by_vnd,
        bad_signature=asked.bad_signature,
    )
    secret = os.environ.get("GRIDCARE_VNPAY_HASH_SECRET")
    if not secret:
        raise SystemExit("set GRIDCARE_VNPAY_HASH_SECRET")
    answers = asyncio.run(play(secret, asked.pay_url, asked.callback_url, outcome, repeat=asked.repeat))
    for answer in answers:
        print(msgspec.json.encode(answer).decode())
    return 0 if all(answer.get("RspCode") in {"00", "02"} for answer in answers) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
