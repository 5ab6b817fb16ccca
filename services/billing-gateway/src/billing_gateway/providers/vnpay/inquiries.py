"""Asks VNPay what became of an order (`querydr` of its merchant web API), and says what the answer means.

`vnp_ResponseCode` is about the question, `vnp_TransactionStatus` about the money. Only an answer with a good signature that is
about our order counts; all else says nothing, and the order is asked about again.
"""

import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, Self

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import RequestError, RequestTimeoutError

from billing_gateway.providers.core import Finding, Inquiry, InquiryResult, SignedMessage, Unreadable
from billing_gateway.providers.vnpay.merchant import RAW_BYTES_MAX, VERSION, as_written
from billing_gateway.providers.vnpay.querydr import (
    ASKED,
    COMMAND,
    SIGNATURE,
    answered_fields,
    checksum,
    is_signed,
)
from billing_gateway.providers.vnpay.terminal import Terminal
from gridcare.http.client import configured, was_sent
from gridcare.observability import metrics

DEADLINE_S: Final = 10.0
POOL_IDLE: Final = timedelta(seconds=15)
_OK: Final = 200
_TOO_MANY: Final = 429
_TAKEN: Final = "00"
_UNKNOWN_ORDER: Final = "91"
_TOO_SOON: Final = "94"
"""The same order again within five minutes."""
_OURS: Final = frozenset({"02", "03", "97"})
"""Our terminal, our form or our signature is wrong."""
_PAYMENT: Final = "01"
"""The type of a transaction that is no refund; the status of a refund says nothing about the payment."""
_STATUSES: Final[Mapping[str, Finding]] = {
    "00": "reported",
    "01": "no_payment",
    "02": "reported",
    "04": "reported",
    "07": "reported",
}
"""00 paid, 01 not finished, 02 failed, 04 reversed before it was complete, 07 suspected; 05, 06 and 09 are of refunds."""

_Outcome = Literal["accepted", "retry", "unknown", "misconfigured"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VnpayInquiries:
    """Asks as one terminal. It never asks twice by itself."""

    client: Client
    url: str
    terminal: Terminal
    server_ip: str

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        url: str,
        terminal: Terminal,
        server_ip: str,
        ca_file: str | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> AsyncIterator[Self]:
        """Open the pool. `url` is the whole address of VNPay's merchant web API."""
        builder = configured(ClientBuilder(), url=url, deadline_s=deadline_s, ca_file=ca_file).pool_idle_timeout(
            POOL_IDLE
        )
        async with builder.build() as client:
            yield cls(client=client, url=url, terminal=terminal, server_ip=server_ip)

    async def ask(self, inquiry: Inquiry) -> InquiryResult:
        """Ask once what became of an order. A failure of the call is an unclear result."""
        began = time.monotonic()
        outcome, result = await self._ask(inquiry)
        metrics.PROVIDER_CALLS.inc(provider="vnpay", outcome=outcome)
        metrics.PROVIDER_CALL_SECONDS.observe(time.monotonic() - began, provider="vnpay")
        return result

    async def _ask(self, inquiry: Inquiry) -> tuple[_Outcome, InquiryResult]:
        body = msgspec.json.encode(self.request(inquiry))
        try:
            request = self.client.post(self.url).header("content-type", "application/json").body_bytes(body)
            answer = await request.build().send()
            raw = bytes(await answer.bytes())
        except RequestError as error:
            if not was_sent(error):
                return "retry", _unclear("no-connection")
            return "unknown", _unclear("timeout" if isinstance(error, RequestTimeoutError) else "connection-lost")
        if answer.status != _OK:
            return "retry" if answer.status == _TOO_MANY else "unknown", _unclear(f"http-{answer.status}")
        return self.read(raw, inquiry)

    def request(self, inquiry: Inquiry) -> dict[str, str]:
        """Return the signed fields of the question; the order's time is the one of its pay address."""
        fields = {
            "vnp_RequestId": inquiry.inquiry_id,
            "vnp_Version": VERSION,
            "vnp_Command": COMMAND,
            "vnp_TmnCode": self.terminal.tmn_code,
            "vnp_TxnRef": inquiry.order_reference,
            "vnp_OrderInfo": f"Tra cuu {inquiry.order_reference}",
            "vnp_TransactionDate": as_written(inquiry.created_at),
            "vnp_CreateDate": as_written(inquiry.asked_at),
            "vnp_IpAddr": self.server_ip,
        }
        return {**fields, SIGNATURE: checksum(self.terminal.hash_secret, fields, ASKED)}

    def read(self, raw: bytes, inquiry: Inquiry) -> tuple[_Outcome, InquiryResult]:
        """Say what an answer means: its class for the metrics, and the result."""
        try:
            fields = answered_fields(raw) if len(raw) <= RAW_BYTES_MAX else {}
        except Unreadable as error:
            return "unknown", _unclear(error.reason)
        code = fields.get("vnp_ResponseCode", "")
        said = code.lower() if re.fullmatch(r"[0-9A-Za-z]{1,4}", code) else "none"
        if not is_signed(self.terminal.hash_secret, fields):  # the code is not believed, but tells ops where to look
            return "misconfigured" if code in _OURS else "unknown", _unclear(f"bad-signature-{said}")
        if code != _TAKEN:
            return _refusal(code, said)
        if (fields.get("vnp_TmnCode"), fields.get("vnp_TxnRef")) != (self.terminal.tmn_code, inquiry.order_reference):
            return "unknown", _unclear("another-order")
        return "accepted", self._of_status(raw, fields)

    def _of_status(self, raw: bytes, fields: Mapping[str, str]) -> InquiryResult:
        status = fields.get("vnp_TransactionStatus", "")
        if fields.get("vnp_TransactionType", "") not in {"", _PAYMENT} or status not in _STATUSES:
            return _unclear("a-refund")
        finding = _STATUSES[status]
        message = SignedMessage(
            raw=raw.decode(),
            order_reference=fields["vnp_TxnRef"],
            transaction_number=fields.get("vnp_TransactionNo", ""),
            response_code=fields["vnp_ResponseCode"],
            transaction_status=status,
        )
        if finding == "reported" and not message.storable:
            return _unclear("too-long")
        return InquiryResult(finding, f"status-{status}", message if finding == "reported" else None)


def _refusal(code: str, said: str) -> tuple[_Outcome, InquiryResult]:
    if code == _UNKNOWN_ORDER:
        return "accepted", InquiryResult("no_payment", f"code-{said}")
    if code in _OURS:
        return "misconfigured", _unclear(f"code-{said}")
    return "retry" if code == _TOO_SOON else "unknown", _unclear(f"code-{said}")


def _unclear(reason: str) -> InquiryResult:
    return InquiryResult("unclear", reason)
