"""VNPay's signatures, addresses and callbacks, against its document and the emulator's own reading of it."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_gateway.providers.core import PayOrder, Unreadable
from billing_gateway.providers.vnpay.merchant import Vnpay
from billing_gateway.providers.vnpay.signature import sign
from billing_gateway.providers.vnpay.terminal import Terminal
from gridcare.values.money import AMOUNT_MAX_VND
from gridcare_local.emulators.vnpay.payer import PlayedPayment, callback_query, read_pay_url

SECRET = "TESTSECRET"
VECTOR = (
    "vnp_Amount=89612500&vnp_BankCode=NCB&vnp_BankTranNo=VNP14226112&vnp_CardType=ATM"
    "&vnp_OrderInfo=Thanh+toan+tien+dien+PB11010012345+T10%2F2026&vnp_PayDate=20261123093000&vnp_ResponseCode=00"
    "&vnp_TmnCode=CTTVNP01&vnp_TransactionNo=14226112&vnp_TransactionStatus=00&vnp_TxnRef=HD202610-0001"
)
SIGNATURE = (
    "fd4a87d34c099e71214ef05db8b46f0ffc40ec6b59fff476fb15b43f2a4466f2"
    "c28d741b13df00573c81ee585227662702d52f645c37263e3b362c8ba6c098ad"
)
SIGNED = f"{VECTOR}&vnp_SecureHash={SIGNATURE}"
VNPAY = Vnpay(
    terminal=Terminal("CTTVNP01", SECRET),
    pay_url="https://pay.example/vpcpay.html",
    return_url="https://app.example/back?from=vnpay&x=1",
    order_type="billpayment",
)
NOW = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)


def order(amount_vnd: int = 896_125, client_ip: str = "203.0.113.7") -> PayOrder:
    return PayOrder(
        order_reference="HD2026100001",
        amount_vnd=amount_vnd,
        customer_code="PB11010012345",
        period="2026-10",
        locale="vn",
        client_ip=client_ip,
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=15),
    )


def signed(text: str) -> str:
    """Sign a text whose names are in order."""
    return f"{text}&vnp_SecureHash={sign(SECRET, text.encode())}"


def test_the_documented_vector() -> None:
    """The signature of the documented text is the documented one."""
    assert sign(SECRET, VECTOR.encode()) == SIGNATURE


@pytest.mark.parametrize(
    "raw",
    [
        SIGNED,
        f"vnp_SecureHash={SIGNATURE.upper()}&{VECTOR}",
        f"{SIGNED}&vnp_SecureHashType=HMACSHA512",
        "&".join(reversed(SIGNED.split("&"))),
        f"utm_source=x&{SIGNED}",
        SIGNED.replace("+", "%20"),
        SIGNED.replace("%2F", "%2f"),
        SIGNED.replace("%2F", "/"),
        SIGNED.replace("Thanh", "%54hanh").replace("HD202610-0001", "HD202610%2D0001"),
        SIGNED.replace("vnp_BankCode", "vnp%5FBankCode").replace("vnp_TxnRef", "vnp%5fTxnRef"),
        f"{SIGNED}&vnp_PromotionCode=",
        f"vnp_PromotionCode&{SIGNED}".replace("+", "%20").replace("%2F", "%2f"),
    ],
)
def test_good_signatures_pass(raw: str) -> None:
    """Neither order, case of the hash, unsigned or empty fields nor another spelling of the same values matter."""
    message = VNPAY.verify(raw.encode())
    assert message is not None
    assert message.raw == raw
    assert (message.order_reference, message.transaction_number) == ("HD202610-0001", "14226112")
    assert VNPAY.read(message.raw) == VNPAY.read(SIGNED)


@given(st.data())
def test_changed_bytes_break_signatures(data: st.DataObject) -> None:
    """One changed byte anywhere in the signed part makes the signature bad, unless it spells the same value."""
    at = data.draw(st.integers(0, len(VECTOR) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != ord(VECTOR[at])))
    changed = bytearray(SIGNED.encode())
    changed[at] = byte
    assert VNPAY.verify(bytes(changed)) is None or parse_qsl(bytes(changed)) == parse_qsl(SIGNED.encode())


@pytest.mark.parametrize("text", [VECTOR, VECTOR.replace("+", "%20"), VECTOR.replace("%2F", "/"), f"{VECTOR}&vnp_Z="])
def test_raw_signatures_are_good(text: str) -> None:
    """A signature over the query as it was sent is good, however its sender spells values, empty ones among them."""
    assert VNPAY.verify(signed(text).encode()) is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("vnp_Amount=89612500", "vnp_Amount=99612500"),
        ("vnp_Amount=89612500", "vnp_Amount="),
        ("vnp_ResponseCode=00", "vnp_ResponseCode=%30%37"),
        ("vnp_BankCode=NCB&", ""),
        ("vnp_BankCode=NCB", "vnp_BankCode=NCB%26vnp_X%3D1"),
        ("T10%2F2026", "T10%252F2026"),
        ("Thanh+toan", "Thanh%2Btoan"),
        ("vnp_TxnRef", "vnp_Txnref"),
        ("", "vnp_X=1&"),
        ("", "vnp%5FX=1&"),
        ("", "vnp_Amount=&"),
        ("", "vnp%5FAmount=89612500&"),
    ],
)
@pytest.mark.parametrize("respelt", [False, True])
def test_tampered_values_are_refused(*, old: str, new: str, respelt: bool) -> None:
    """Changed, emptied, missing, added and repeated fields make a signature bad, in either spelling of the query."""
    raw = SIGNED.replace(old, new, 1) if old else f"{new}{SIGNED}"
    assert raw != SIGNED
    raw = f"{raw}&vnp_Empty=".replace("+", "%20").replace("%2F", "%2f") if respelt else raw
    assert VNPAY.verify(raw.encode()) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"&&==",
        VECTOR.encode(),
        f"{VECTOR}&vnp_SecureHash=".encode(),
        f"{SIGNED}&vnp_SecureHash={SIGNATURE}".encode(),
        f"{SIGNED}&vnp_Amount=89612500".encode(),
        f"{SIGNED}&vnp_Extra=1".encode(),
        SIGNED.replace("=TESTSECRET", "").encode() + b"\xff",
        signed("vnp_X=" + "1" * 9000).encode(),
    ],
)
def test_bad_signatures_are_refused(raw: bytes) -> None:
    """Rubbish, a missing signature, a repeated or added field, foreign bytes and overlong queries are refused."""
    assert VNPAY.verify(raw) is None


def test_another_secret_is_refused() -> None:
    """A signature by another merchant's secret is bad."""
    fields = read_pay_url(SECRET, VNPAY.pay_address(order()))
    assert VNPAY.verify(callback_query("OTHERSECRET", fields).encode()) is None


@given(st.integers(1, 9_999_999_999))
def test_amounts_are_hundredfold_outside(amount_vnd: int) -> None:
    """An amount is sent to VNPay times 100, and read back as it was."""
    fields = read_pay_url(SECRET, VNPAY.pay_address(order(amount_vnd)))
    assert int(fields["vnp_Amount"]) == amount_vnd * 100
    message = VNPAY.verify(callback_query(SECRET, fields).encode())
    assert message is not None
    assert VNPAY.read(message.raw).amount_vnd == amount_vnd <= AMOUNT_MAX_VND


@pytest.mark.parametrize("client_ip", ["203.0.113.7", "2001:db8::1"])
def test_vnpay_takes_the_address(client_ip: str) -> None:
    """The emulator accepts the address; its times are in GMT+7 and its text has no accents."""
    fields = read_pay_url(SECRET, VNPAY.pay_address(order(client_ip=client_ip)), now=NOW)
    assert fields["vnp_CreateDate"] == "20261124013000"
    assert fields["vnp_ExpireDate"] == "20261124014500"
    assert fields["vnp_OrderInfo"] == "Thanh toan tien dien PB11010012345 T10/2026"
    assert fields["vnp_ReturnUrl"] == VNPAY.return_url
    assert fields["vnp_IpAddr"] == client_ip


def test_the_signature_comes_last() -> None:
    """The address is that of the merchant's VNPay page, and ends with the signature."""
    address = VNPAY.pay_address(order())
    assert address.startswith("https://pay.example/vpcpay.html?")
    assert parse_qsl(urlsplit(address).query)[-1][0] == "vnp_SecureHash"


@pytest.mark.parametrize(
    ("code", "status", "result", "reason"),
    [
        ("00", "00", "succeeded", None),
        ("00", "02", "failed", "refused"),
        ("24", "00", "failed", "cancelled"),
        ("24", "02", "failed", "cancelled"),
        ("11", "02", "failed", "expired"),
        ("51", "02", "failed", "insufficient_funds"),
        ("65", "02", "failed", "limit_exceeded"),
        ("75", "02", "failed", "bank_maintenance"),
        ("99", "02", "failed", "refused"),
        ("07", "07", "suspected", None),
        ("07", "00", "suspected", None),
        ("00", "07", "suspected", None),
        ("24", "07", "failed", "cancelled"),
    ],
)
def test_codes_become_results(code: str, status: str, result: str, reason: str | None) -> None:
    """Money counts when both codes are 00, and is suspected with 07 beside no failure; else it is a failure."""
    fields = read_pay_url(SECRET, VNPAY.pay_address(order()))
    wanted = PlayedPayment(response_code=code, transaction_status=status)
    report = VNPAY.read(callback_query(SECRET, fields, wanted))
    assert report.result == result
    assert report.reason == reason


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("vnp_TmnCode=CTTVNP01", "vnp_TmnCode=OTHER001", "another-merchant"),
        ("vnp_Amount=89612500", "vnp_Amount=89612550", "fraction-of-a-dong"),
        ("vnp_Amount=89612500", "vnp_Amount=-100", "no-amount"),
        ("vnp_Amount=89612500", "vnp_Amount=0", "no-amount"),
        ("vnp_Amount=89612500", "vnp_Amount=%D9%A1%D9%A0%D9%A0", "no-amount"),
        ("vnp_TransactionNo=14226112", "vnp_TransactionNo=0", "no-transactionno"),
        ("&vnp_TransactionNo=14226112", "", "no-transactionno"),
        ("&vnp_TxnRef=HD202610-0001", "", "no-txnref"),
        ("&vnp_ResponseCode=00", "", "no-responsecode"),
        ("&vnp_TransactionStatus=00", "", "no-transactionstatus"),
    ],
)
def test_nonsense_is_unreadable(old: str, new: str, reason: str) -> None:
    """A signed callback with a missing or garbled field is unreadable, for a reason; nothing is guessed."""
    with pytest.raises(Unreadable) as raised:
        VNPAY.read(signed(VECTOR.replace(old, new)))
    assert raised.value.reason == reason


@pytest.mark.parametrize("written", ["", "20261399000000", "yesterday", "00010101000000"])
def test_money_survives_bad_times(written: str) -> None:
    """A malformed pay date is left out; the money counts."""
    report = VNPAY.read(signed(VECTOR.replace("20261123093000", written)))
    assert report.paid_at is None
    assert report.money_moved


def test_pay_dates_are_vietnamese_time() -> None:
    """The documented 09:30 is 02:30 UTC."""
    assert VNPAY.read(SIGNED).paid_at == datetime(2026, 11, 23, 2, 30, tzinfo=UTC)


def test_overlong_references_are_not_storable() -> None:
    """A message with a reference longer than any provider's is not storable."""
    message = VNPAY.verify(signed("vnp_TxnRef=" + "A" * 101).encode())
    assert message is not None
    assert not message.storable
