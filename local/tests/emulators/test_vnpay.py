"""The played VNPay: which pay addresses it accepts, and what its callbacks contain."""

from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from gridcare_local.emulators.journal import Journal, read_lines
from gridcare_local.emulators.vnpay.payer import (
    PayUrlRefused,
    PlayedPayment,
    callback_query,
    main,
    play,
    read_pay_url,
    signature,
)

SECRET = "TESTSECRET"
VECTOR = (  # VNPay's rule applied to its documented fields, computed without this code
    "vnp_Amount=89612500&vnp_BankCode=NCB&vnp_BankTranNo=VNP14226112&vnp_CardType=ATM"
    "&vnp_OrderInfo=Thanh+toan+tien+dien+PB11010012345+T10%2F2026&vnp_PayDate=20261123093000&vnp_ResponseCode=00"
    "&vnp_TmnCode=CTTVNP01&vnp_TransactionNo=14226112&vnp_TransactionStatus=00&vnp_TxnRef=HD202610-0001"
)
ORDER = {
    "vnp_Version": "2.1.0",
    "vnp_Command": "pay",
    "vnp_TmnCode": "CTTVNP01",
    "vnp_Amount": "89612500",
    "vnp_CreateDate": "20261123093000",
    "vnp_CurrCode": "VND",
    "vnp_IpAddr": "203.0.113.7",
    "vnp_Locale": "vn",
    "vnp_OrderInfo": "Thanh toan tien dien PB11010012345 T10/2026",
    "vnp_OrderType": "billpayment",
    "vnp_ReturnUrl": "https://app.example/back",
    "vnp_ExpireDate": "20261123094500",
    "vnp_TxnRef": "HD2026100001",
}


def address(**changed: str | None) -> str:
    fields = {name: value for name, value in {**ORDER, **changed}.items() if value is not None}
    return f"https://pay.example/?{urlencode(fields)}&vnp_SecureHash={signature(SECRET, fields)}"


@pytest.fixture
def callbacks() -> Any:
    """Yield the URL of a server that answers each callback with 00, and the list of its queries."""
    queries: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            queries.append(self.path.partition("?")[2])
            body = b'{"RspCode":"00","Message":"Confirm Success"}'
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/callback", queries
        server.shutdown()
        thread.join()


def test_the_documented_vector() -> None:
    """The signature of the documented fields is the documented one."""
    signed = signature(SECRET, dict(parse_qsl(VECTOR)))
    assert signed.startswith("fd4a87d34c099e71214ef05db8b46f0f")
    assert signed.endswith("62702d52f645c37263e3b362c8ba6c098ad")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, None) for name in ORDER),
        ("vnp_Amount", "0"),
        ("vnp_Amount", "896125.00"),
        ("vnp_OrderInfo", "Thanh toán tiền điện"),
        ("vnp_CreateDate", "20261399000000"),
        ("vnp_ExpireDate", "20261123093000"),
        ("vnp_TxnRef", "a b"),
    ],
)
def test_invalid_fields_are_refused(name: str, value: str | None) -> None:
    """A pay address with a missing or invalid field is refused even if its signature is right."""
    with pytest.raises(PayUrlRefused):
        read_pay_url(SECRET, address(**{name: value}))


def test_forged_and_late_payments_fail() -> None:
    """A changed amount makes the signature wrong, and an expired address is refused."""
    with pytest.raises(PayUrlRefused):
        read_pay_url(SECRET, address().replace("89612500", "100"))
    expiry = datetime(2026, 11, 23, 2, 45, tzinfo=UTC)
    assert read_pay_url(SECRET, address(), now=expiry - timedelta(seconds=1)) == ORDER
    with pytest.raises(PayUrlRefused):
        read_pay_url(SECRET, address(), now=expiry)


@pytest.mark.parametrize(
    ("payment", "amount", "moved"),
    [
        (PlayedPayment(), "89612500", True),
        (PlayedPayment(amount_off_by_vnd=-1_000), "89512500", True),
        (PlayedPayment(response_code="07"), "89612500", True),
        (PlayedPayment(response_code="24"), "89612500", False),
    ],
)
def test_callbacks_report_the_result(payment: PlayedPayment, amount: str, *, moved: bool) -> None:
    """A callback is signed, names the order and has a transaction number, which is 0 for a failure."""
    fields = dict(parse_qsl(callback_query(SECRET, ORDER, payment)))
    assert fields.pop("vnp_SecureHash") == signature(SECRET, fields)
    assert (fields["vnp_TxnRef"], fields["vnp_Amount"]) == ("HD2026100001", amount)
    assert (fields["vnp_TransactionNo"] != "0") == moved


async def test_payments_are_journaled_once(callbacks: Any, tmp_path: Path) -> None:
    """The journal has one line for a payment, even if its callback is repeated."""
    url, queries = callbacks
    journal = Journal(tmp_path / "journal.jsonl", lambda: 0.0)
    answers = await play(SECRET, address(), url, repeat=3, journal=journal)
    assert [answer["RspCode"] for answer in answers] == ["00"] * 3
    assert len(set(queries)) == 1
    (line,) = read_lines(tmp_path / "journal.jsonl")
    assert b'"amount_vnd":896125' in line


def test_the_command(callbacks: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The command plays one order and prints each answer. Without the secret it names the missing variable."""
    url, queries = callbacks
    monkeypatch.delenv("GRIDCARE_VNPAY_HASH_SECRET", raising=False)
    with pytest.raises(SystemExit, match="GRIDCARE_VNPAY_HASH_SECRET"):
        main([address(), url])
    monkeypatch.setenv("GRIDCARE_VNPAY_HASH_SECRET", SECRET)
    assert main([address(), url, "--repeat", "2", "--response-code", "24"]) == 0
    assert capsys.readouterr().out.count('"RspCode":"00"') == len(queries) == 2
