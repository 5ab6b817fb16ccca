"""Bearer tokens: every known forgery is refused, and roles guard routes."""

import base64
import hashlib
import hmac
import json
from typing import Annotated

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import Depends

from gridcare.errors import NotFound, Unauthenticated
from gridcare.http.app import create_app
from gridcare.http.auth import Caller, require
from gridcare.http.guard import Router
from gridcare.http.tokens.verifier import TokenVerifier
from gridcare.testing.http import client_for
from gridcare.testing.signing import SigningKey

AUDIENCE = "repair-intake"


async def refusal(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        await verifier.verify(token)
    assert caught.value.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert token not in caught.value.detail
    return caught.value.detail.rpartition(" ")[2]


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def forged(header: dict, claims: dict, key: bytes | None = None) -> str:
    signed = b64(json.dumps(header).encode()) + "." + b64(json.dumps(claims).encode())
    return signed + "." + (b64(hmac.new(key, signed.encode(), hashlib.sha256).digest()) if key else "")


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_good_tokens_name_their_caller(idp, verifier, algorithm):
    """Both pinned algorithms are accepted; unknown roles are ignored."""
    idp.rotate(algorithm=algorithm)
    token = idp.token(audience=AUDIENCE, sub="u1", roles=["customer", "god"], customer_codes=["PB1"], team_id="t1")
    who = await verifier.verify(token)
    assert who == Caller("u1", frozenset({"customer"}), frozenset({"PB1"}), "t1")


async def test_alg_none_is_refused(idp, verifier):
    """An unsigned token is refused."""
    header = {"alg": "none", "typ": "JWT", "kid": idp.keys[0].kid}
    assert await refusal(verifier, forged(header, idp.claims(audience=AUDIENCE))) == "algorithm"


async def test_algorithm_confusion_is_refused(idp, verifier):
    """A token signed with HS256 and the public key as its secret is refused."""
    key = idp.rotate(algorithm="RS256")
    pem = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256", "typ": "JWT", "kid": key.kid}
    assert await refusal(verifier, forged(header, idp.claims(audience=AUDIENCE), pem)) == "algorithm"


async def test_keys_keep_their_algorithm(idp, verifier):
    """A key is only used with its own algorithm."""
    other = SigningKey.new("RS256")
    token = idp.sign(idp.claims(audience=AUDIENCE), key=other, kid=idp.keys[0].kid)
    assert await refusal(verifier, token) == "malformed"


async def test_a_foreign_key_is_refused(idp, verifier):
    """A signature by another key under a known key id is refused."""
    token = idp.sign(idp.claims(audience=AUDIENCE), key=SigningKey.new(), kid=idp.keys[0].kid)
    assert await refusal(verifier, token) == "signature"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"aud": "billing-gateway"}, "audience"),
        ({"aud": None}, "malformed"),
        ({"iss": "https://elsewhere.example"}, "issuer"),
        ({"exp_in": -31}, "expired"),
        ({"nbf_in": 60}, "not-yet-valid"),
        ({"iat_in": 60}, "not-yet-valid"),
        ({"exp": "tomorrow"}, "malformed"),
        ({"roles": "planner"}, "claims"),
        ({"roles": [1]}, "claims"),
        ({"customer_codes": {"PB1": 1}}, "claims"),
        ({"sub": ""}, "claims"),
        ({"sub": "x" * 256}, "claims"),
        ({"sub": 5}, "malformed"),
        ({"team_id": 7}, "claims"),
        ({"team_id": "t\x00"}, "claims"),
        ({"sub": "u\x00"}, "claims"),
        ({"customer_codes": ["PB1\x00"]}, "claims"),
        ({"customer_codes": ["x" * 256]}, "claims"),
        ({"roles": ["\x00"]}, "claims"),
    ],
)
async def test_wrong_claims_are_refused(idp, verifier, change, reason):
    """Audience, issuer, times and shapes are checked."""
    claims = idp.claims(audience=AUDIENCE)
    for name, value in change.items():
        claim, _, relative = name.partition("_in")
        claims[claim] = claims["iat"] + value if name.endswith("_in") else value
        assert not relative
    assert await refusal(verifier, idp.sign(claims)) == reason


@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "sub"])
async def test_required_claims_are_checked(idp, verifier, claim):
    """A token without one of them would never expire, or would be valid for anybody."""
    claims = idp.claims(audience=AUDIENCE)
    del claims[claim]
    assert await refusal(verifier, idp.sign(claims)) in {"malformed", "audience", "issuer"}


async def test_clocks_may_differ_slightly(idp, verifier):
    """A token is accepted for half a minute after it expired."""
    claims = idp.claims(audience=AUDIENCE)
    claims["exp"] = claims["iat"] - 5
    assert (await verifier.verify(idp.sign(claims))).sub == "somebody"


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "....", "é.é.é", "x" * 9000, b64(b'{"alg":"ES256"}') + ".e30.x", b64(b"[]") + ".e30.x"]
)
async def test_rubbish_is_refused(verifier, token):
    """Malformed tokens are refused before any key is looked up."""
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


@pytest.mark.parametrize("header", [{"crit": ["x"], "x": 1}, {"typ": "logout+jwt"}])
async def test_strange_headers_are_refused(idp, verifier, header):
    """Unknown critical extensions and other kinds of JWT are refused."""
    assert await refusal(verifier, idp.sign(idp.claims(audience=AUDIENCE), **header)) in {"malformed", "algorithm"}


async def test_token_keys_are_ignored(idp, verifier):
    """`jku` and `jwk` in a header are the attacker's; only our issuer's keys are fetched."""
    evil = SigningKey.new()
    token = idp.sign(idp.claims(audience=AUDIENCE), key=evil, jwk=evil.public_jwk(), jku=f"{idp.url}/keys")
    assert await refusal(verifier, token) == "unknown-key"


async def test_roles_guard_routes(idp, verifier):
    """No token or a bad one is 401, another role 403, the right one 200; each answer says what is missing."""
    router = Router()

    @router.get("/plan")
    async def plan(who: Annotated[Caller, Depends(require("planner", "ops"))]) -> str:
        return who.sub

    @router.get("/me")
    async def me(who: Annotated[Caller, Depends(require("customer", "team"))]) -> list[str]:
        return sorted(who.roles)

    app = create_app(title="Test", version="1", routers=[router], verifier=verifier)
    async with client_for(app) as client:

        async def ask(path, token=None):
            return await client.get(path, headers={"authorization": f"Bearer {token}"} if token else {})

        missing, bad = await ask("/plan"), await ask("/plan", "x.y.z")
        assert (missing.status_code, missing.json()["code"]) == (401, "missing-token")
        assert missing.headers["www-authenticate"] == "Bearer"
        assert (bad.status_code, bad.json()["code"]) == (401, "invalid-token")
        assert bad.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        customer = idp.token(audience=AUDIENCE, roles=["customer"])
        planner = idp.token(audience=AUDIENCE, roles=["planner"])
        other = await ask("/plan", customer)
        assert (other.status_code, other.json()["code"]) == (403, "role-missing")
        assert (await ask("/plan", planner)).json() == "somebody"
        assert (await ask("/me", customer)).json() == ["customer"]
        assert (await client.get("/me", headers={"authorization": "Basic eDp5"})).status_code == 401


def test_roles_are_a_closed_list():
    """A misspelt role would lock everybody out, so it is refused where it is written."""
    with pytest.raises(ValueError, match="planer"):
        require("planer")
    with pytest.raises(ValueError, match="no such roles"):
        require()


def test_other_customers_do_not_exist():
    """A customer sees their own codes, a role that the route names any; the rest is 404 with the caller's own code."""
    route = require("customer", any_customer=["dispatcher"])
    customer = route.admit(Caller("u", frozenset({"customer", "cashier"}), frozenset({"PB1", "PB2"})))
    staff = route.admit(Caller("s", frozenset({"dispatcher"}), frozenset()))
    customer.must_see("PB1", "ticket-not-found")
    staff.must_see("PB9", "ticket-not-found")
    assert (customer.reach, staff.reach) == (frozenset({"PB1", "PB2"}), None)
    with pytest.raises(NotFound) as caught:
        customer.must_see("PB9", "ticket-not-found")
    assert caught.value.code == "ticket-not-found"


def test_codes_need_their_role():
    """The codes of a token count only where the route takes customers and the caller is one."""
    both = Caller("u", frozenset({"customer", "dispatcher"}), frozenset({"PB1"}))
    former = Caller("u", frozenset({"dispatcher"}), frozenset({"PB1"}))
    assert require("planner", "dispatcher").admit(both).reach == frozenset()
    assert require("customer", "dispatcher").admit(former).reach == frozenset()
    assert require("customer", any_customer=["dispatcher"]).admit(both).reach is None
    with pytest.raises(ValueError, match="own codes"):
        require("planner", any_customer=["customer"])
