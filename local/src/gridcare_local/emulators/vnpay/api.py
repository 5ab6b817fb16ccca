"""VNPay's merchant web API: `querydr`, answered from the payments that it was told of, as VNPay's document describes it.

The checksums are computed here independently of the services' code.
"""

import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from gridcare_local.emulators.emulator import ADMIN, Emulator, not_found
from gridcare_local.emulators.http import Answer, Hang, Reply, Request, json_answer
from gridcare_local.emulators.script import Match, Rule, Seconds, Status
from gridcare_local.emulators.settings import EmulatorSettings
from gridcare_local.emulators.vnpay import QUERY_PATH
from gridcare_local.emulators.vnpay.payer import signature

SECRET: Final = "EMULATOR_VNPAY_HASH_SECRET"
_REQUEST: Final = tuple(
    f"vnp_{name}"
    for name in [
        "RequestId",
        "Version",
        "Command",
        "TmnCode",
        "TxnRef",
        "TransactionDate",
        "CreateDate",
        "IpAddr",
        "OrderInfo",
    ]
)
_ANSWER: Final = tuple(
    f"vnp_{name}"
    for name in [
        "ResponseId",
        "Command",
        "ResponseCode",
        "Message",
        "TmnCode",
        "TxnRef",
        "Amount",
        "BankCode",
        "PayDate",
        "TransactionNo",
        "TransactionType",
        "TransactionStatus",
        "OrderInfo",
        "PromotionCode",
        "PromotionAmount",
    ]
)


_decode = msgspec.json.Decoder(dict[str, str | int]).decode


@dataclass(frozen=True, slots=True)
class QueryFacts:
    """What rules see of a question."""

    order_reference: str

    @property
    def recipient(self) -> str:
        """The order, for sticky draws."""
        return self.order_reference


class QueryMatch(Match, forbid_unknown_fields=True, kw_only=True):
    """Matches questions about an order."""

    order_reference: str | None = None

    def fits(self, facts: QueryFacts) -> bool:
        """Return whether the order matches."""
        return self.order_reference in {None, facts.order_reference}


class QueryAction(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What happens to a question: a code instead of the truth, no answer, a late one, one with a wrong signature."""

    latency_s: Seconds = 0.0
    http_status: Status | None = None
    hang: bool = False
    response_code: str | None = None
    transaction_status: str | None = None
    bad_signature: bool = False


QueryRule = Rule[QueryMatch, QueryAction]


class Payment(Struct, forbid_unknown_fields=True):
    """The body of POST /_emulator/payments: the query of the callback that tells of the payment, sent or lost.

    `created` is the `vnp_CreateDate` of its pay address, by which a question names its order too.
    """

    query: str
    created: str


class VnpayEmulator(Emulator):
    """VNPay, as the merchant's server sees it. A payment is told to it by whoever plays the payer."""

    kind = "vnpay"

    def __init__(self, settings: EmulatorSettings) -> None:
        super().__init__(settings, QueryRule)
        self._secret = os.environ.get(SECRET) or ""
        if not self._secret:
            raise SystemExit(f"set {SECRET}")
        self._payments: dict[str, dict[str, str]] = {}
        self._requests: set[str] = set()

    def replayed(self, line: dict[str, Any]) -> None:
        """Restore the payments, and the script's counters."""
        if line["kind"] == "payment":
            self._note(line["fields"])
        elif line["kind"] == "query":
            self._requests.add(line["request_id"])
            self.script.choose(QueryFacts(line["order_reference"]))

    def _note(self, fields: dict[str, str]) -> None:
        kept = self._payments.get(fields["vnp_TxnRef"])
        if kept is None or kept["vnp_TransactionStatus"] != "00":  # a paid order stays paid
            self._payments[fields["vnp_TxnRef"]] = fields

    async def answer(self, request: Request) -> Reply:
        """Answer a question: the truth, unless the script says otherwise."""
        if request.method != "POST" or request.path != QUERY_PATH:
            return not_found()
        try:
            asked = {
                name: str(value) for name, value in _decode(request.body).items()
            }  # public clients send numbers, too
        except msgspec.DecodeError:
            asked = {}
        refused = self._refused(asked)
        return self._signed(asked, refused, "refused") if refused else self._told(asked)

    def _refused(self, asked: Mapping[str, str]) -> str | None:
        if not all(asked.get(name) for name in _REQUEST) or asked["vnp_Command"] != "querydr":
            return "03"
        if not hmac.compare_digest(asked.get("vnp_SecureHash", ""), _checksum(self._secret, asked, _REQUEST)):
            self.counts["bad signature"] += 1
            return "97"
        if not re.fullmatch(r"[0-9]{14}", asked["vnp_TransactionDate"]):
            return "03"
        return "94" if asked["vnp_RequestId"] in self._requests else None

    def _told(self, asked: Mapping[str, str]) -> Reply:
        action: QueryAction = self.script.choose(QueryFacts(asked["vnp_TxnRef"])) or QueryAction()
        self._requests.add(asked["vnp_RequestId"])
        payment = self._payments.get(asked["vnp_TxnRef"])
        if payment is not None and payment["vnp_CreateDate"] != asked["vnp_TransactionDate"]:
            payment = None  # an order of another day, which may have the same reference
        code = action.response_code or ("91" if payment is None else "00")
        self.record(
            "query",
            {"order_reference": asked["vnp_TxnRef"], "request_id": asked["vnp_RequestId"], "response_code": code},
        )
        if action.hang:
            return Hang()
        if action.http_status is not None:
            return Answer(action.http_status, after_s=action.latency_s)
        return self._signed(asked, code, "emulated", payment=payment if code == "00" else None, action=action)

    def _signed(
        self,
        asked: Mapping[str, str],
        code: str,
        message: str,
        *,
        payment: Mapping[str, str] | None = None,
        action: QueryAction | None = None,
    ) -> Answer:
        told = payment or {}
        chosen = action or QueryAction()
        fields = {
            "vnp_ResponseId": hashlib.sha256(f"{self.journal.count}".encode()).hexdigest()[:32],
            "vnp_Command": "querydr",
            "vnp_ResponseCode": code,
            "vnp_Message": message,
            "vnp_TmnCode": asked.get("vnp_TmnCode", ""),
            "vnp_TxnRef": asked.get("vnp_TxnRef", ""),
            "vnp_OrderInfo": told.get("vnp_OrderInfo", ""),
        }
        if payment is not None:
            fields |= {
                name: payment[name] for name in ("vnp_Amount", "vnp_BankCode", "vnp_PayDate", "vnp_TransactionNo")
            }
            status = chosen.transaction_status or payment["vnp_TransactionStatus"]
            known = status in {
                "00",
                "01",
                "02",
                "04",
                "05",
                "06",
                "07",
                "09",
            }  # a failure's own code is the callback's alone
            fields |= {"vnp_TransactionType": "01", "vnp_TransactionStatus": status if known else "02"}
        secret = "another secret" if chosen.bad_signature else self._secret
        return json_answer({**fields, "vnp_SecureHash": _checksum(secret, fields, _ANSWER)}, after_s=chosen.latency_s)

    async def admin(self, request: Request) -> Reply:
        """Take a payment, or answer the common admin requests."""
        if (request.method, request.path) == ("POST", f"{ADMIN}payments"):
            return self._paid(request)
        return await super().admin(request)

    def _paid(self, request: Request) -> Reply:
        try:
            paid = msgspec.json.decode(request.body, type=Payment)
            fields = dict(parse_qsl(paid.query, strict_parsing=True))
        except ValueError as error:  # msgspec's errors are ValueErrors, too
            return json_answer({"error": str(error)}, 422)
        given = fields.pop("vnp_SecureHash", "")
        if not hmac.compare_digest(given, signature(self._secret, fields)):
            return json_answer({"error": "vnp_SecureHash"}, 422)
        fields["vnp_CreateDate"] = paid.created
        self.record("payment", {"fields": fields})
        self._note(fields)
        return json_answer({"order_reference": fields["vnp_TxnRef"]})


def _checksum(secret: str, fields: Mapping[str, str], order: Iterable[str]) -> str:
    text = "|".join(fields.get(name, "") for name in order)
    return hmac.new(secret.encode(), text.encode(), hashlib.sha512).hexdigest()
