"""What VNPay is asked by `querydr`, and what its answers mean; the checksums are computed here, by VNPay's document."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_gateway.providers.core import Inquiry, InquiryResult, Unreadable
from billing_gateway.providers.vnpay.inquiries import VnpayInquiries
from billing_gateway.providers.vnpay.merchant import Vnpay
from billing_gateway.providers.vnpay.querydr import ASKED, answered_fields, checksum, is_signed
from billing_gateway.providers.vnpay.terminal import Terminal
from gridcare_local.emulators.control import Emulator
from gridcare_local.emulators.vnpay import QUERY_PATH

SECRET = "TESTSECRET"
REFERENCE = "HD2026100001"
INQUIRY = Inquiry(
    inquiry_id="rq1",
    order_reference=REFERENCE,
    created_at=datetime(2026, 11, 23, 2, 25, tzinfo=UTC),
    asked_at=datetime(2026, 11, 23, 18, 45, tzinfo=UTC),
)
VECTOR = "rq-1|2.1.0|querydr|CTTVNP01|HD202610-0001|20261123092500|20261123094500|10.0.0.5|Tra cuu HD202610-0001"
VECTOR_SIGNATURE = (
    "3dc25358bec6e2a68c8b87aa419d69e259e27d4f5d9391af110351aa16fb1160"
    "45ca1c2ecde28ac3806b1ab50c19ce207967b01924a0eb7af44be7031d19af5a"
)
PAID = {
    "vnp_ResponseId": "a1b2",
    "vnp_Command": "querydr",
    "vnp_ResponseCode": "00",
    "vnp_Message": "QueryDR Success",
    "vnp_TmnCode": "CTTVNP01",
    "vnp_TxnRef": REFERENCE,
    "vnp_Amount": "89612500",
    "vnp_BankCode": "NCB",
    "vnp_PayDate": "20261123093000",
    "vnp_TransactionNo": "14226112",
    "vnp_TransactionType": "01",
    "vnp_TransactionStatus": "00",
    "vnp_OrderInfo": "Thanh toan tien dien PB11010012345 T10/2026",
    "vnp_PromotionCode": "",
    "vnp_PromotionAmount": "",
}
"""An answer, in the order in which VNPay signs it."""
MERCHANT = Vnpay(
    terminal=Terminal("CTTVNP01", SECRET),
    pay_url="https://p.test/x",
    return_url="https://a.test/",
    order_type="other",
)


def hmac_of(text: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha512).hexdigest()


def answer(secret: str = SECRET, drop: tuple[str, ...] = (), **changed: Any) -> bytes:
    """Return an answer of VNPay with a good signature: each value as it is written in the JSON, a missing one as nothing."""
    fields = {**PAID, **{f"vnp_{name}": value for name, value in changed.items()}}
    signed = "|".join("" if fields[name] is None or name in drop else str(fields[name]) for name in PAID)
    sent = {name: value for name, value in fields.items() if name not in drop}
    return json.dumps({**sent, "vnp_SecureHash": hmac_of(signed, secret)}).encode()


@pytest.fixture
async def inquiries(vnpay: Emulator) -> AsyncIterator[VnpayInquiries]:
    """Yield the client that asks the emulator."""
    async with VnpayInquiries.open(
        url=f"{vnpay.url}{QUERY_PATH}", terminal=Terminal("CTTVNP01", SECRET), server_ip="10.0.0.5", deadline_s=1.0
    ) as client:
        yield client


def test_the_request_vector() -> None:
    """The fields of a question are signed in VNPay's order, joined by bars."""
    fields = dict(zip(ASKED, VECTOR.split("|"), strict=True))
    assert checksum(SECRET, fields, ASKED) == VECTOR_SIGNATURE


async def test_the_question_is_whole(inquiries: VnpayInquiries) -> None:
    """A question says when the order was created and when it is asked in Vietnam's time, without accents."""
    fields = inquiries.request(INQUIRY)
    assert fields.pop("vnp_SecureHash") == hmac_of(
        f"rq1|2.1.0|querydr|CTTVNP01|{REFERENCE}|20261123092500|20261124014500|10.0.0.5|Tra cuu {REFERENCE}"
    )
    assert set(fields) == set(ASKED)


@pytest.mark.parametrize(
    ("raw", "outcome", "finding", "reason"),
    [
        (answer(), "accepted", "reported", "status-00"),
        (answer(Amount=89612500, TransactionNo=14226112), "accepted", "reported", "status-00"),
        (answer(TransactionStatus="07"), "accepted", "reported", "status-07"),
        (answer(TransactionStatus="02"), "accepted", "reported", "status-02"),
        (answer(TransactionStatus="04"), "accepted", "reported", "status-04"),
        (answer(TransactionStatus="01"), "accepted", "no_payment", "status-01"),
        (answer(TransactionStatus="05"), "accepted", "unclear", "a-refund"),
        (answer(TransactionStatus="00", TransactionType="02"), "accepted", "unclear", "a-refund"),
        (answer(TransactionStatus="00", TransactionType="03"), "accepted", "unclear", "a-refund"),
        (answer(TransactionStatus=None), "accepted", "unclear", "a-refund"),
        (answer(ResponseCode="91", drop=("vnp_Amount", "vnp_TransactionStatus")), "accepted", "no_payment", "code-91"),
        (answer(ResponseCode="94"), "retry", "unclear", "code-94"),
        (answer(ResponseCode="97"), "misconfigured", "unclear", "code-97"),
        (answer(ResponseCode="02"), "misconfigured", "unclear", "code-02"),
        (answer(ResponseCode="99"), "unknown", "unclear", "code-99"),
        (answer(ResponseCode="not a code"), "unknown", "unclear", "code-none"),
        (answer(TxnRef="HD2026100002"), "unknown", "unclear", "another-order"),
        (answer(TmnCode="OTHER001"), "unknown", "unclear", "another-order"),
        (answer("another"), "unknown", "unclear", "bad-signature-00"),
        (answer("another", ResponseCode="91"), "unknown", "unclear", "bad-signature-91"),
        (
            b'{"vnp_ResponseCode":"97","vnp_Message":"Invalid signature"}',
            "misconfigured",
            "unclear",
            "bad-signature-97",
        ),
        (answer(TransactionNo="9" * 101), "accepted", "unclear", "too-long"),
        (answer(Message="x" * 9000), "unknown", "unclear", "bad-signature-none"),
        (b"{}", "unknown", "unclear", "bad-signature-none"),
        (b"[]", "unknown", "unclear", "no-json"),
        (b"<html>", "unknown", "unclear", "no-json"),
        (b"\xff\xfe", "unknown", "unclear", "no-json"),
        (answer(Amount=1.5), "unknown", "unclear", "no-json"),
        (answer(Amount=True), "unknown", "unclear", "no-json"),
    ],
)
async def test_answers_have_a_meaning(
    inquiries: VnpayInquiries, raw: bytes, outcome: str, finding: str, reason: str
) -> None:
    """Only a signed answer about our order and its payment counts; all else says nothing about the money."""
    said, result = inquiries.read(raw, INQUIRY)
    assert (said, result.finding, result.reason) == (outcome, finding, reason)
    assert (result.message is not None) == (finding == "reported")


@given(name=st.sampled_from(sorted(PAID)), value=st.text(max_size=8))
def test_changed_values_break_checksums(name: str, value: str) -> None:
    """An answer with any value changed is not signed, unless the value is as it was."""
    fields = answered_fields(answer())
    assert is_signed(SECRET, {**fields, name: value}) == (value == PAID[name])


@pytest.mark.parametrize(
    ("status", "result", "reason"),
    [("00", "succeeded", None), ("07", "suspected", None), ("02", "failed", "refused"), ("04", "failed", "refused")],
)
async def test_answers_read_as_callbacks(
    inquiries: VnpayInquiries, status: str, result: str, reason: str | None
) -> None:
    """An answer is read like a callback with the same values, from the text that is stored."""
    _, answered = inquiries.read(answer(TransactionStatus=status), INQUIRY)
    assert answered.message is not None
    report = MERCHANT.read(answered.message.raw)
    assert (report.result, report.reason, report.amount_vnd) == (result, reason, 896_125)
    assert (report.transaction_number, report.order_reference) == ("14226112", REFERENCE)
    assert report.paid_at == datetime(2026, 11, 23, 2, 30, tzinfo=UTC)


def test_stored_answers_may_mislead() -> None:
    """An answer whose amount makes no sense is unreadable, as a callback would be."""
    with pytest.raises(Unreadable):
        MERCHANT.read(answer(Amount="89612550").decode())


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ({"hang": True}, "timeout"),
        ({"latency_s": 3}, "timeout"),
        ({"http_status": 503}, "http-503"),
        ({"response_code": "94"}, "code-94"),
        ({"response_code": "99"}, "code-99"),
        ({"bad_signature": True}, "bad-signature-91"),
    ],
)
async def test_failed_calls_are_unclear(
    inquiries: VnpayInquiries, vnpay: Emulator, action: dict[str, Any], reason: str
) -> None:
    """No answer, a late one, another status, a refusal and a wrong signature say nothing about the payment."""
    vnpay.script([{"match": {"order_reference": "HDX"}, "action": action}])
    inquiry = Inquiry(
        inquiry_id=f"x{reason}{action}", order_reference="HDX", created_at=INQUIRY.created_at, asked_at=INQUIRY.asked_at
    )
    assert await inquiries.ask(inquiry) == InquiryResult("unclear", reason)


async def test_the_emulator_takes_questions(inquiries: VnpayInquiries) -> None:
    """The emulator, which signs by itself, takes our question once; it knows no such order, and refuses the same again."""
    inquiry = Inquiry(
        inquiry_id="once", order_reference="HDY", created_at=INQUIRY.created_at, asked_at=INQUIRY.asked_at
    )
    assert await inquiries.ask(inquiry) == InquiryResult("no_payment", "code-91")
    assert await inquiries.ask(inquiry) == InquiryResult("unclear", "code-94")


async def test_nobody_listens() -> None:
    """A question that could not be sent is unclear."""
    async with VnpayInquiries.open(
        url="http://127.0.0.1:1/", terminal=Terminal("CTTVNP01", SECRET), server_ip="10.0.0.5"
    ) as client:
        results = await asyncio.gather(client.ask(INQUIRY))
    assert results == [InquiryResult("unclear", "no-connection")]
