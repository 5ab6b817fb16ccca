"""What VNPay is asked by `querydr`, and its answers: JSON, with values signed in a fixed order.

Both checksums are the HMAC-SHA512 of the values joined by `|`, a missing one as an empty text, in the orders below. Source:
VNPay's document of querydr and refund, version 2.1.0, as the public library lehuygiang28/vnpay has it; other clients agree.
"""

import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from billing_gateway.providers.core import Unreadable
from billing_gateway.providers.vnpay.signature import sign

COMMAND: Final = "querydr"
ASKED: Final = (
    "vnp_RequestId",
    "vnp_Version",
    "vnp_Command",
    "vnp_TmnCode",
    "vnp_TxnRef",
    "vnp_TransactionDate",
    "vnp_CreateDate",
    "vnp_IpAddr",
    "vnp_OrderInfo",
)
ANSWERED: Final = (
    "vnp_ResponseId",
    "vnp_Command",
    "vnp_ResponseCode",
    "vnp_Message",
    "vnp_TmnCode",
    "vnp_TxnRef",
    "vnp_Amount",
    "vnp_BankCode",
    "vnp_PayDate",
    "vnp_TransactionNo",
    "vnp_TransactionType",
    "vnp_TransactionStatus",
    "vnp_OrderInfo",
    "vnp_PromotionCode",
    "vnp_PromotionAmount",
)
SIGNATURE: Final = "vnp_SecureHash"


def checksum(secret: str, fields: Mapping[str, str], order: Sequence[str]) -> str:
    """Return the signature of the fields in this order, as lower-case hex."""
    return sign(secret, "|".join(fields.get(name, "") for name in order).encode())


def is_signed(secret: str, fields: Mapping[str, str]) -> bool:
    """Say whether an answer carries the signature of its own values, comparing in constant time."""
    given = fields.get(SIGNATURE, "").lower()
    return hmac.compare_digest(checksum(secret, fields, ANSWERED).encode(), given.encode())


def answered_fields(raw: str | bytes) -> dict[str, str]:
    """Return the fields of an answer: numbers as they are written, null as an empty text. Raises Unreadable `no-json`."""
    try:
        document: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Unreadable("no-json") from None
    if not isinstance(document, dict) or not all(_is_simple(value) for value in document.values()):
        raise Unreadable("no-json")
    return {name: "" if value is None else str(value) for name, value in document.items()}


def _is_simple(value: object) -> bool:
    return value is None or isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))
