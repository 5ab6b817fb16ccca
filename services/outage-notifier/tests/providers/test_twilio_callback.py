"""Signatures of callbacks, with Twilio's own validator as the oracle, and their forms."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from outage_notifier.ledger.core.outcome import StatusCallback
from outage_notifier.providers.twilio.callback import TwilioCallbacks

TOKEN = "a-token"
URL = "https://api.gridcare.test/v1/callbacks/twilio?attempt=0192.1.1"
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
forms = st.dictionaries(texts, texts, max_size=6)


def signed(url: str, form: dict[str, str], token: str = TOKEN) -> str:
    return RequestValidator(token).compute_signature(url, form)


def fits(body: bytes, signature: str, url: str = URL) -> bool:
    """Say whether the reader of callbacks at this address takes the signature."""
    address, _, query = url.partition("?")
    return TwilioCallbacks(address=address, auth_tokens=(TOKEN,)).verify(query=query, body=body, signature=signature)


def read(body: bytes) -> StatusCallback | None:
    return TwilioCallbacks(address=URL, auth_tokens=(TOKEN,)).read(body)


@given(forms)
def test_what_twilio_signs_is_accepted(form):
    """Any form, blank values and foreign letters too, over the exact address."""
    body = urlencode(form).encode()
    assert fits(body, signed(URL, form))


@given(forms, st.integers(0), st.integers(1, 255))
def test_changed_byte(form, at, change):
    """A body with one byte changed is refused, unless it parses to the very same fields."""
    form = {**form, "MessageSid": "SM1"}
    body = bytearray(urlencode(form).encode())
    body[at % len(body)] ^= change
    taken = fits(bytes(body), signed(URL, form))
    assert not taken or urlencode(form).encode().lower().replace(b"+", b"%20") == bytes(body).lower().replace(
        b"+", b"%20"
    )


@pytest.mark.parametrize(
    "signed_url",
    [
        URL.replace("https", "http"),
        URL.replace("attempt=0192.1.1", "attempt=0192.1.2"),
        URL.partition("?")[0],
        URL + "&x=1",
        URL.replace("api.", "evil."),
    ],
)
def test_signature_over_another_address(signed_url):
    """Scheme, host, path and query are all signed."""
    form = {"MessageSid": "SM1", "MessageStatus": "sent"}
    taken = fits(urlencode(form).encode(), signed(signed_url, form))
    assert not taken


@pytest.mark.parametrize("signature", ["", "x", "AAAA", "é" * 28])
def test_no_signature_is_refused(signature):
    """Missing, short, or no base64 at all."""
    assert not fits(b"", signature)


def test_signature_of_another_token():
    """Only our account's token signs."""
    form = {"MessageSid": "SM1"}
    body = urlencode(form).encode()
    assert not fits(body, signed(URL, form, "another"))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("https://a.test/x?y=1", "https://a.test:443/x?y=1"),
        ("https://a.test:8443/x", "https://a.test:8443/x"),
        ("https://a.test:8443/x", "https://a.test/x"),
        ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x"),
    ],
)
def test_port_signed_or_not(ours, theirs):
    """As Twilio's own library tries both."""
    body = b"MessageSid=SM1"
    assert fits(body, signed(theirs, {"MessageSid": "SM1"}), ours)
    assert RequestValidator(TOKEN).validate(ours, {"MessageSid": "SM1"}, signed(theirs, {"MessageSid": "SM1"}))


@pytest.mark.parametrize("body", [b"\xff", b"a=%ff", b"&".join(b"a%d=1" % at for at in range(200))])
def test_no_form_is_refused(body):
    """Bytes that are no ASCII, no UTF-8, or more fields than Twilio has."""
    assert not fits(body, signed(URL, {}))
    assert read(body) is None


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"MessageSid": "SM1", "MessageStatus": "sent"}, StatusCallback("SM1", "sent")),
        ({"SmsSid": "SM1", "SmsStatus": "failed", "ErrorCode": "30005"}, StatusCallback("SM1", "failed", "30005")),
        ({"MessageSid": "SM1", "MessageStatus": "partially_delivered"}, StatusCallback("SM1", "partially_delivered")),
        ({"MessageSid": "SM1", "MessageStatus": "sent", "ErrorCode": ""}, StatusCallback("SM1", "sent")),
        ({"MessageSid": "SM1"}, None),
        ({"MessageStatus": "sent"}, None),
        ({"MessageSid": "SM:1", "MessageStatus": "sent"}, None),
        ({"MessageSid": "S" * 65, "MessageStatus": "sent"}, None),
        ({}, None),
    ],
)
def test_form_of_one_message(form, told):
    """Its id, its status, its error code if there is one."""
    assert read(urlencode(form).encode()) == told


@pytest.mark.parametrize(("token", "taken"), [(TOKEN, True), (TOKEN[::-1], True), ("z" * 32, False), ("", False)])
def test_tokens_rotate_without_loss(token, taken):
    """While the account's token is rotated, callbacks signed with either are taken, and no others."""
    callbacks = TwilioCallbacks(address=URL.partition("?")[0], auth_tokens=(TOKEN, TOKEN[::-1]))
    form = {"MessageSid": "SM1"}
    body = urlencode(form).encode()
    query = URL.partition("?")[2]
    assert callbacks.verify(query=query, body=body, signature=signed(URL, form, token)) is taken
