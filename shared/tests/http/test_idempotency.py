"""Idempotency-Key at the door: how the header is read and what counts as the same request."""

import re
from typing import Annotated

import pytest
from fastapi import Depends
from hypothesis import given
from hypothesis import strategies as st

from gridcare.errors import BadRequest
from gridcare.http.app import create_app
from gridcare.http.auth import Caller, require
from gridcare.http.guard import Router
from gridcare.http.idempotency import (
    HEADER_MAX_CHARACTERS,
    KEY_MAX_CHARACTERS,
    KEY_PATTERN,
    fingerprint,
    idempotent,
    parse_key,
)
from gridcare.http.tokens.verifier import TokenVerifier
from gridcare.postgres.idempotency import IdempotentRequest
from gridcare.testing.http import client_for, issuer


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ('"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("  bare  ", "bare"),
        (r'"a\"b\\c"', r"a\"b\c".replace(r"\"", '"')),
        ("x" * 255, "x" * 255),
    ],
)
def test_quotes_do_not_matter(value, key):
    """The draft asks for quotes; most clients send none."""
    assert parse_key(value) == key


@given(st.from_regex(f"(?=.{{1,{HEADER_MAX_CHARACTERS}}}$){KEY_PATTERN}", fullmatch=True))
def test_documented_keys_are_read(value):
    """Whatever the document's pattern lets through is a key: nobody is refused for doing what the document says."""
    assert 1 <= len(parse_key(value)) <= KEY_MAX_CHARACTERS


@pytest.mark.parametrize("value", ["a b", "é", "x" * 256, '"', '""', '"a', f'"{"x" * 256}"'])
def test_refused_keys_are_undocumented(value):
    """What is refused does not fit the document's pattern either."""
    with pytest.raises(BadRequest):
        parse_key(value)
    assert re.search(KEY_PATTERN, value) is None


@pytest.mark.parametrize("value", [None, "", "   "])
def test_missing_keys_are_400(value):
    """A route that needs a key answers 400 without one."""
    with pytest.raises(BadRequest) as caught:
        parse_key(value)
    assert caught.value.code == "idempotency-key-missing"


@pytest.mark.parametrize("value", ["x" * 256, "a b", "khoá", '"', '""', '"a', '"a"b"', '"a b"', "a\x7f"])
def test_other_keys_are_invalid(value):
    """1 to 255 visible ASCII characters, quotes closed."""
    with pytest.raises(BadRequest) as caught:
        parse_key(value)
    assert caught.value.code == "idempotency-key-invalid"


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=255))
def test_every_visible_key_survives_quoting(key):
    """Whatever key a client draws, its quoted form is read back."""
    quoted = '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert parse_key(quoted) == key


def test_fingerprints_ignore_formatting():
    """Member order and white space do not matter; values, path, query and method do."""
    same = fingerprint("POST", "/v1/a", "", b'{"a":1,"b":[2]}')
    assert same == fingerprint("POST", "/v1/a", "", b'{ "b": [2],\n"a": 1}')
    others = {
        fingerprint("POST", "/v1/a", "", b'{"a":1,"b":[3]}'),
        fingerprint("POST", "/v1/b", "", b'{"a":1,"b":[2]}'),
        fingerprint("PUT", "/v1/a", "", b'{"a":1,"b":[2]}'),
        fingerprint("POST", "/v1/a", "x=1", b'{"a":1,"b":[2]}'),
        fingerprint("POST", "/v1/a", "", b'{"a":"1","b":[2]}'),
        fingerprint("POST", "/v1/a", "", b""),
        fingerprint("POST", "/v1/a", "", b"\xff"),
        same,
    }
    assert len(others) == 8
    assert len(same) == 32


async def test_requests_name_their_caller():
    """The request carries the token's subject; a missing key is a 400 problem; the route can still read the body."""
    router = Router()
    seen: list[IdempotentRequest] = []

    @router.post("/things")
    async def add(
        body: dict[str, int],
        once: Annotated[IdempotentRequest, Depends(idempotent)],
        _: Annotated[Caller, Depends(require("customer"))],
    ) -> int:
        seen.append(once)
        return body["a"]

    async with issuer() as idp, TokenVerifier.open(issuer=idp.url, audience="x") as verifier:
        app = create_app(title="Test", version="1", routers=[router], verifier=verifier)
        async with client_for(app, token=idp.token(audience="x", sub="u1", roles=["customer"])) as client:
            missing = await client.post("/things", json={"a": 1})
            assert (missing.status_code, missing.json()["code"]) == (400, "idempotency-key-missing")
            for body in ({"a": 1}, {"a": 1}, {"a": 2}):
                answer = await client.post("/things", json=body, headers={"idempotency-key": '"k1"'})
                assert answer.json() == body["a"]
    first, second, third = seen
    assert (first.caller, first.key) == ("u1", "k1")
    assert first == second != third
