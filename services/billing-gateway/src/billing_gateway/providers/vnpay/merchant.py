"""The merchant's side of VNPay: writes pay addresses, reads what it reports and answers callbacks.

VNPay writes amounts times 100 and times in GMT+7; neither leaves this file. The address that the payer returns to proves
nothing and changes nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal
from urllib.parse import urlencode

from billing_gateway.providers.core import (
    FailureReason,
    PaymentResult,
    PayOrder,
    ProviderReport,
    SignedMessage,
    Unreadable,
    Verdict,
)
from billing_gateway.providers.vnpay.querydr import answered_fields
from billing_gateway.providers.vnpay.signature import fields_of, sign, signature_is_good
from billing_gateway.providers.vnpay.terminal import Terminal
from gridcare.values.clock import VIETNAM

VERSION: Final = "2.1.0"
AMOUNT_FACTOR: Final = 100
"""VNPay writes amounts in hundredths of a dong, which do not exist: 896,125 ₫ is 89612500."""

RAW_BYTES_MAX: Final = 8_192
ANSWERS: Final[Mapping[Verdict, tuple[str, str]]] = {
    Verdict.ACCEPTED: ("00", "Confirm Success"),
    Verdict.UNKNOWN_ORDER: ("01", "Order not found"),
    Verdict.REPEATED: ("02", "Order already confirmed"),
    Verdict.WRONG_AMOUNT: ("04", "Invalid amount"),
    Verdict.BAD_SIGNATURE: ("97", "Invalid signature"),
    Verdict.NOT_UNDERSTOOD: ("99", "Unknown error"),
}
"""After `00` and `02` VNPay stops calling; after the others it calls again, up to ten times, five minutes apart."""

_COMMAND: Final = "vnp_Command"
"""One secret signs both directions: each query of ours has a command, and no callback has one."""
_TIME: Final = "%Y%m%d%H%M%S"
_SUCCESS: Final = "00"
_SUSPECTED: Final = "07"
_FAILURES: Final[Mapping[str, FailureReason]] = {
    "11": "expired",
    "24": "cancelled",
    "51": "insufficient_funds",
    "65": "limit_exceeded",
    "75": "bank_maintenance",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Vnpay:
    """A merchant of VNPay, with one terminal."""

    terminal: Terminal
    pay_url: str
    return_url: str
    order_type: str
    acceptance_answers: bool = False
    """Whether money for an unknown order, a wrong amount or a paid order is answered 01, 04 and 02, as VNPay's test expects."""
    name: Literal["vnpay"] = "vnpay"

    def pay_address(self, order: PayOrder) -> str:
        """Return the signed address that the payer's browser is sent to."""
        fields = {
            "vnp_Version": VERSION,
            _COMMAND: "pay",
            "vnp_TmnCode": self.terminal.tmn_code,
            "vnp_Amount": str(order.amount_vnd * AMOUNT_FACTOR),
            "vnp_CurrCode": "VND",
            "vnp_TxnRef": order.order_reference,
            "vnp_OrderInfo": _order_info(order),
            "vnp_OrderType": self.order_type,
            "vnp_Locale": order.locale,
            "vnp_ReturnUrl": self.return_url,
            "vnp_IpAddr": order.client_ip,
            "vnp_CreateDate": as_written(order.created_at),
            "vnp_ExpireDate": as_written(order.expires_at),
        }
        query = urlencode(sorted(fields.items()))
        return f"{self.pay_url}?{query}&vnp_SecureHash={sign(self.terminal.hash_secret, query.encode())}"

    def verify(self, raw: bytes) -> SignedMessage | None:
        """Check the signature of a callback over its query, raw or re-encoded. Return None when it is bad or our own."""
        if len(raw) > RAW_BYTES_MAX or not raw.isascii() or not signature_is_good(self.terminal.hash_secret, raw):
            return None
        text = raw.decode("ascii")
        fields = fields_of(text)
        if fields.get(_COMMAND):
            return None
        return SignedMessage(
            raw=text,
            order_reference=fields.get("vnp_TxnRef", ""),
            transaction_number=fields.get("vnp_TransactionNo", ""),
            response_code=fields.get("vnp_ResponseCode", ""),
            transaction_status=fields.get("vnp_TransactionStatus", ""),
        )

    def read(self, raw: str) -> ProviderReport:
        """Read a verified callback, or a verified answer to `querydr`, whose fields have the same names.

        Raises Unreadable when a field is missing or makes no sense.
        """
        fields = answered_fields(raw) if raw.startswith("{") else fields_of(raw)
        if fields.get("vnp_TmnCode") != self.terminal.tmn_code:
            raise Unreadable("another-merchant")
        reference = _needed(fields, "vnp_TxnRef", r"[0-9A-Za-z._-]{1,100}")
        code = _needed(fields, "vnp_ResponseCode", r"[0-9A-Za-z]{1,10}")
        status = _needed(fields, "vnp_TransactionStatus", r"[0-9A-Za-z]{1,10}")
        amount = int(_needed(fields, "vnp_Amount", r"[0-9]{1,15}"))
        if amount % AMOUNT_FACTOR:
            raise Unreadable("fraction-of-a-dong")
        result = _result(code, status)
        number = _needed(fields, "vnp_TransactionNo", r"[0-9]{1,20}" if result == "failed" else r"0*[1-9][0-9]{0,19}")
        if result != "failed" and not amount:
            raise Unreadable("no-amount")
        return ProviderReport(
            provider=self.name,
            order_reference=reference,
            transaction_number=number,
            amount_vnd=amount // AMOUNT_FACTOR,
            result=result,
            reason=_FAILURES.get(code, "refused") if result == "failed" else None,
            paid_at=_paid_at(fields.get("vnp_PayDate", "")),
        )

    def answer(self, verdict: Verdict) -> tuple[str, str]:
        """Return `RspCode` and `Message`."""
        return ANSWERS[verdict]


def as_written(moment: datetime) -> str:
    """Return a moment as VNPay writes it: `yyyyMMddHHmmss` in GMT+7."""
    return moment.astimezone(VIETNAM).strftime(_TIME)


def _result(code: str, status: str) -> PaymentResult:
    """Read both codes. VNPay's samples disagree on whether one success is enough; here money counts when both say so."""
    if code == _SUCCESS == status:
        return "succeeded"
    suspected = code == _SUSPECTED or (code == _SUCCESS and status == _SUSPECTED)
    return "suspected" if suspected else "failed"


def _order_info(order: PayOrder) -> str:
    """Return what is paid for, without accents, as VNPay demands."""
    year, month = order.period.split("-")
    return f"Thanh toan tien dien {order.customer_code} T{month}/{year}"


def _needed(fields: Mapping[str, str], name: str, pattern: str) -> str:
    value = fields.get(name, "")
    if not re.fullmatch(pattern, value):
        raise Unreadable(f"no-{name.removeprefix('vnp_').lower()}")
    return value


def _paid_at(text: str) -> datetime | None:
    """Read `yyyyMMddHHmmss` in GMT+7. Return None for a malformed time: the money counts all the same."""
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=VIETNAM).astimezone(UTC)
    except (ValueError, OverflowError):  # the first hours of the year 1 are no time in UTC
        return None
