"""Bearer tokens: every forgery of RELIABILITY's list is refused, and keys survive rotation and a dead issuer."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Annotated

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import APIRouter, Depends

from gridcare.errors import NotFound, Unauthenticated, Unavailable
from gridcare.http.app import create_app
from gridcare.http.auth import Caller, TokenVerifier, caller, require
from gridcare.http.jwks import COOLDOWN_S, REFRESH_S, STALE_MAX_S, KeySet
from gridcare.testing.http import Issuer, SigningKey, client_for, issuer

AUDIENCE = "repair-intake"


class Hand:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.at_s = 1000.0

    def __call__(self) -> float:
        return self.at_s


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Issuer]:
    async with issuer() as made:
        yield made


@pytest.fixture
def idp(server: Issuer) -> Issuer:
    """Give the issuer as it starts."""
    server.reset()
    return server


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
async def verifier(idp: Issuer, hand: Hand) -> AsyncIterator[TokenVerifier]:
    async with KeySet.open(idp.url, monotonic=hand) as keys:
        yield TokenVerifier(keys, issuer=idp.url, audience=AUDIENCE)


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
async def test_a_good_token_names_its_caller(idp, verifier, algorithm):
    """Both pinned algorithms are taken; roles that are none of ours are passed over."""
    idp.rotate(algorithm=algorithm)
    token = idp.token(audience=AUDIENCE, sub="u1", roles=["customer", "god"], customer_codes=["PB1"], team_id="t1")
    who = await verifier.verify(token)
    assert who == Caller("u1", frozenset({"customer"}), frozenset({"PB1"}), "t1")


async def test_alg_none_is_refused(idp, verifier):
    """An unsigned token is no token."""
    header = {"alg": "none", "typ": "JWT", "kid": idp.keys[0].kid}
    assert await refusal(verifier, forged(header, idp.claims(audience=AUDIENCE))) == "algorithm"


async def test_hs256_with_the_public_key_is_refused(idp, verifier):
    """The public key is no shared secret (algorithm confusion)."""
    key = idp.rotate(algorithm="RS256")
    pem = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256", "typ": "JWT", "kid": key.kid}
    assert await refusal(verifier, forged(header, idp.claims(audience=AUDIENCE), pem)) == "algorithm"


async def test_the_other_algorithm_under_a_known_kid_is_refused(idp, verifier):
    """A key is used for its own algorithm alone."""
    other = SigningKey("RS256")
    token = idp.sign(idp.claims(audience=AUDIENCE), key=other, kid=idp.keys[0].kid)
    assert await refusal(verifier, token) == "malformed"


async def test_a_foreign_key_under_a_known_kid_is_refused(idp, verifier):
    """A signature by another key is refused."""
    token = idp.sign(idp.claims(audience=AUDIENCE), key=SigningKey(), kid=idp.keys[0].kid)
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
    ],
)
async def test_wrong_claims_are_refused(idp, verifier, change, reason):
    """Audience, issuer, times and shapes are held against what a token must say."""
    claims = idp.claims(audience=AUDIENCE)
    for name, value in change.items():
        claim, _, relative = name.partition("_in")
        claims[claim] = claims["iat"] + value if name.endswith("_in") else value
        assert not relative
    assert await refusal(verifier, idp.sign(claims)) == reason


@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "sub"])
async def test_required_claims_must_be_there(idp, verifier, claim):
    """A token without one of them never ends, or is for anybody."""
    claims = idp.claims(audience=AUDIENCE)
    del claims[claim]
    assert await refusal(verifier, idp.sign(claims)) in {"malformed", "audience", "issuer"}


async def test_a_token_just_over_is_within_the_leeway(idp, verifier):
    """Clocks may differ by half a minute."""
    claims = idp.claims(audience=AUDIENCE)
    claims["exp"] = claims["iat"] - 5
    assert (await verifier.verify(idp.sign(claims))).sub == "somebody"


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "....", "é.é.é", "x" * 9000, b64(b'{"alg":"ES256"}') + ".e30.x", b64(b"[]") + ".e30.x"]
)
async def test_rubbish_is_refused(verifier, token):
    """What is no token is refused before any key is asked for."""
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


@pytest.mark.parametrize("header", [{"crit": ["x"], "x": 1}, {"typ": "logout+jwt"}])
async def test_headers_that_change_the_meaning_are_refused(idp, verifier, header):
    """Critical extensions that we do not know and other kinds of JWT are refused."""
    assert await refusal(verifier, idp.sign(idp.claims(audience=AUDIENCE), **header)) in {"malformed", "algorithm"}


async def test_keys_named_by_the_token_are_not_fetched(idp, verifier):
    """`jku` and `jwk` in a header are the attacker's: our issuer alone is asked."""
    evil = SigningKey()
    token = idp.sign(idp.claims(audience=AUDIENCE), key=evil, jwk=evil.public_jwk(), jku=f"{idp.url}/keys")
    assert await refusal(verifier, token) == "unknown-key"


async def test_a_storm_of_unknown_kids_is_one_fetch(idp, verifier, hand):
    """Made-up key ids ask the issuer at most once in the cool-down."""
    await verifier.verify(idp.token(audience=AUDIENCE))
    before = idp.fetches
    tokens = [idp.sign(idp.claims(audience=AUDIENCE), kid=f"made-up-{n}") for n in range(200)]
    results = await asyncio.gather(*(verifier.verify(token) for token in tokens), return_exceptions=True)
    assert all(isinstance(result, Unauthenticated) for result in results)
    assert idp.fetches - before == 1
    hand.at_s += COOLDOWN_S + 1
    await refusal(verifier, tokens[0])
    assert idp.fetches - before == 2


async def test_a_cold_start_is_one_fetch(idp, verifier):
    """A hundred first requests share one fetch."""
    idp.delay_s = 0.05
    token = idp.token(audience=AUDIENCE)
    await asyncio.gather(*(verifier.verify(token) for _ in range(100)))
    assert idp.fetches == 1


async def test_a_caller_who_leaves_does_not_stop_the_fetch(idp, verifier):
    """The fetch belongs to all who wait for it."""
    idp.delay_s = 0.05
    token = idp.token(audience=AUDIENCE)
    first = asyncio.create_task(verifier.verify(token))
    second = asyncio.create_task(verifier.verify(token))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).sub == "somebody"


async def test_keys_rotate_without_a_restart(idp, verifier):
    """A token of a new key is taken at once, and one of the old key as long as the issuer names it."""
    old = idp.token(audience=AUDIENCE)
    await verifier.verify(old)
    idp.rotate()
    assert (await verifier.verify(idp.token(audience=AUDIENCE))).sub == "somebody"
    assert (await verifier.verify(old)).sub == "somebody"


async def test_a_withdrawn_key_ends(idp, verifier, hand):
    """A key that the issuer no longer names is forgotten with the next refresh."""
    old = idp.token(audience=AUDIENCE)
    await verifier.verify(old)
    idp.rotate(keep_old=False)
    hand.at_s += REFRESH_S + 1
    await verifier.verify(old)  # still good while the refresh runs in the background
    async with asyncio.timeout(5):
        while idp.fetches < 2:  # noqa: ASYNC110 - the issuer has no event to wait for
            await asyncio.sleep(0.005)
    await verifier.verify(idp.token(audience=AUDIENCE))
    hand.at_s += COOLDOWN_S + 1
    assert await refusal(verifier, old) == "unknown-key"


async def test_a_dead_issuer_is_survived_for_a_day(idp, verifier, hand):
    """Known keys serve while the issuer is down, then nobody is let in blindly."""
    token = idp.token(audience=AUDIENCE)
    await verifier.verify(token)
    idp.down = True
    hand.at_s += STALE_MAX_S - 10
    for _ in range(3):
        hand.at_s += 1
        assert (await verifier.verify(token)).sub == "somebody"
    hand.at_s += 60
    with pytest.raises(Unavailable):
        await verifier.verify(token)
    idp.down = False
    hand.at_s += 3
    assert (await verifier.verify(token)).sub == "somebody"


async def test_a_new_key_of_a_dead_issuer_is_503(idp, verifier):
    """A token that cannot be checked is not called bad."""
    await verifier.verify(idp.token(audience=AUDIENCE))
    idp.down = True
    idp.rotate()
    with pytest.raises(Unavailable):
        await verifier.verify(idp.token(audience=AUDIENCE))


async def test_a_cold_start_without_an_issuer_is_503(idp, verifier, hand):
    """Without any key the answer is 503, and the issuer is asked once in two seconds."""
    idp.down = True
    for _ in range(20):
        with pytest.raises(Unavailable) as caught:
            await verifier.verify(idp.token(audience=AUDIENCE))
    assert caught.value.headers["Retry-After"] == "2"
    idp.down = False
    hand.at_s += 3
    assert (await verifier.verify(idp.token(audience=AUDIENCE))).sub == "somebody"


async def test_an_empty_answer_wipes_nothing(idp, verifier, hand):
    """An issuer that names no key has not withdrawn them all."""
    token = idp.token(audience=AUDIENCE)
    await verifier.verify(token)
    signing, idp.keys = idp.keys, []
    hand.at_s += COOLDOWN_S + 1
    with pytest.raises(Unavailable):
        await verifier.verify(idp.sign(idp.claims(audience=AUDIENCE), key=signing[0], kid="made-up"))
    assert (await verifier.verify(token)).sub == "somebody"


async def test_another_issuer_behind_the_address_is_not_trusted(idp, hand):
    """The discovery document must name the very issuer that was configured."""
    async with KeySet.open(idp.url + "/", monotonic=hand) as keys:
        with pytest.raises(Unavailable):
            await keys.key(idp.keys[0].kid)


async def test_nobody_listening_is_503():
    """A refused connection is an issuer that is down."""
    async with KeySet.open("http://127.0.0.1:9") as keys:
        with pytest.raises(Unavailable):
            await keys.key("any")


async def test_roles_guard_routes(idp, verifier):
    """No token 401, a bad one 401, another role 403, the right one 200; each tells what is missing."""
    router = APIRouter()

    @router.get("/plan")
    async def plan(who: Annotated[Caller, Depends(require("planner", "ops"))]) -> str:
        return who.sub

    @router.get("/me")
    async def me(who: Annotated[Caller, Depends(caller)]) -> list[str]:
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
    """A misspelt role would shut everybody out: it is refused where it is written."""
    with pytest.raises(ValueError, match="planer"):
        require("planer")
    with pytest.raises(ValueError, match="no such roles"):
        require()


def test_another_customers_things_do_not_exist():
    """A customer sees their own codes, staff any; the rest is 404 with the caller's own code."""
    customer = Caller("u", frozenset({"customer"}), frozenset({"PB1", "PB2"}))
    staff = Caller("s", frozenset({"dispatcher"}), frozenset())
    customer.must_see("PB1")
    staff.must_see("PB9")
    for code in ("PB9", None):
        with pytest.raises(NotFound) as caught:
            customer.must_see(code, "ticket-not-found")
        assert caught.value.code == "ticket-not-found"
    assert not Caller("n", frozenset(), frozenset()).is_staff
