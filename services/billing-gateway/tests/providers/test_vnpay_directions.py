"""One secret signs what we tell VNPay and what it tells us: nothing of ours is taken for its word."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from billing_gateway.providers.core import PayOrder
from billing_gateway.providers.vnpay.merchant import Vnpay
from billing_gateway.providers.vnpay.signature import signature_is_good
from billing_gateway.providers.vnpay.terminal import Terminal

SECRET = "TESTSECRET"
NOW = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
VNPAY = Vnpay(
    terminal=Terminal("CTTVNP01", SECRET),
    pay_url="https://pay.example/vpcpay.html",
    return_url="https://app.example/back?vnp_ResponseCode=00&vnp_TransactionStatus=00",
    order_type="billpayment",
)
LOCALES: st.SearchStrategy[Literal["vn", "en"]] = st.sampled_from(["vn", "en"])


@given(st.integers(1, 9_999_999_999), LOCALES, st.ip_addresses().map(str), st.randoms())
def test_our_addresses_are_no_callbacks(
    amount_vnd: int, locale: Literal["vn", "en"], client_ip: str, chance: Random
) -> None:
    """No address that we sign is a callback, however it is spelt, though its signature is good."""
    order = PayOrder(
        order_reference="HD2026100001",
        amount_vnd=amount_vnd,
        customer_code="PB11010012345",
        period="2026-10",
        locale=locale,
        client_ip=client_ip,
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=15),
    )
    query = urlsplit(VNPAY.pay_address(order)).query
    shuffled = query.split("&")
    chance.shuffle(shuffled)
    for spelt in (query, "&".join(shuffled), query.replace("vnp_", "vnp%5F"), f"{query}&vnp_ResponseCode="):
        assert signature_is_good(SECRET, spelt.encode())
        assert VNPAY.verify(spelt.encode()) is None
