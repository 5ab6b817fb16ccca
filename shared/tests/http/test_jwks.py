"""The issuer's signing keys: few fetches, rotation without a restart, a day without the issuer."""

import asyncio
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from gridcare.errors import Overloaded, Unauthenticated, Unavailable
from gridcare.http.tokens.jwks import COOLDOWN_S, DOCUMENT_MAX_BYTES, REFRESH_S, STALE_MAX_S, WAITING_MAX, KeySet
from gridcare.http.tokens.verifier import TokenVerifier
from gridcare.testing.metrics import sample

AUDIENCE = "repair-intake"


async def refusal(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        await verifier.verify(token)
    assert caught.value.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert token not in caught.value.detail
    return caught.value.detail.rpartition(" ")[2]


async def test_unknown_kids_share_one_fetch(idp):
    """Made-up key ids cause at most one fetch per cool-down; a hundred callers wait for it, others are counted and come later."""
    counted = sample("tokens_refused_total", reason="too-many-unknown-keys")
    async with KeySet.open(idp.url, cooldown_s=0.2) as keys:
        verifier = TokenVerifier(keys, issuer=idp.url, audience=AUDIENCE)
        await verifier.verify(idp.token(audience=AUDIENCE))
        before = idp.fetches
        tokens = [idp.sign(idp.claims(audience=AUDIENCE), kid=f"made-up-{n}") for n in range(WAITING_MAX + 1)]
        results = await asyncio.gather(*(verifier.verify(token) for token in tokens), return_exceptions=True)
        kinds = [type(result) for result in results]
        assert kinds == [Unauthenticated] * WAITING_MAX + [Overloaded]
        assert sample("tokens_refused_total", reason="too-many-unknown-keys") == counted + 1
        for token in tokens[:20]:  # known by now to name no key
            await refusal(verifier, token)
        assert idp.fetches - before == 1
        await refusal(verifier, idp.sign(idp.claims(audience=AUDIENCE), kid="another"))
        assert idp.fetches - before == 2


async def test_rotations_wait_for_nobody(idp):
    """A key that the issuer begins to sign with is known one cool-down later, while others still make up ids."""
    async with KeySet.open(idp.url, cooldown_s=0.1) as keys:
        verifier = TokenVerifier(keys, issuer=idp.url, audience=AUDIENCE)
        await verifier.verify(idp.token(audience=AUDIENCE))
        await refusal(verifier, idp.sign(idp.claims(audience=AUDIENCE), kid="made-up"))
        idp.rotate()
        fetches = idp.fetches
        flood = [idp.sign(idp.claims(audience=AUDIENCE), kid=f"made-up-{n}") for n in range(50)]
        refused = asyncio.gather(*(verifier.verify(token) for token in flood), return_exceptions=True)
        assert (await verifier.verify(idp.token(audience=AUDIENCE))).sub == "somebody"
        assert idp.fetches == fetches + 1
        assert {type(result) for result in await refused} == {Unauthenticated}


@pytest.mark.parametrize("address", ["http://id.example/keys", "ftp://id.example/keys", "https://", "http://[::1", 5])
async def test_keys_come_over_https(idp, hand, address):
    """Keys at an address that somebody on the way could answer for are not fetched."""
    idp.jwks_uri = address
    async with KeySet.open(idp.url, monotonic=hand) as keys:
        with pytest.raises(Unavailable):
            await keys.key(idp.keys[0].kid)
    assert idp.fetches == 0


async def test_first_requests_share_one_fetch(idp, verifier):
    """A hundred first requests share one fetch."""
    idp.delay_s = 0.05
    token = idp.token(audience=AUDIENCE)
    await asyncio.gather(*(verifier.verify(token) for _ in range(100)))
    assert idp.fetches == 1


async def test_leaving_does_not_stop_fetches(idp, verifier):
    """The fetch belongs to all who wait for it."""
    idp.delay_s = 0.05
    token = idp.token(audience=AUDIENCE)
    first = asyncio.create_task(verifier.verify(token))
    second = asyncio.create_task(verifier.verify(token))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).sub == "somebody"


async def test_keys_rotate_without_a_restart(idp, verifier):
    """A token signed with a new key is accepted at once, and one with the old key while the issuer lists it."""
    old = idp.token(audience=AUDIENCE)
    await verifier.verify(old)
    idp.rotate()
    assert (await verifier.verify(idp.token(audience=AUDIENCE))).sub == "somebody"
    assert (await verifier.verify(old)).sub == "somebody"


async def test_a_withdrawn_key_ends(idp, verifier, hand):
    """A key that the issuer no longer lists is forgotten at the next refresh."""
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


async def test_a_dead_issuer_is_survived(idp, verifier, hand):
    """Known keys are used for a day while the issuer is down; after that nobody is let in."""
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


async def test_unverifiable_tokens_are_503(idp, verifier):
    """A token that cannot be checked is not called bad."""
    await verifier.verify(idp.token(audience=AUDIENCE))
    idp.down = True
    idp.rotate()
    with pytest.raises(Unavailable):
        await verifier.verify(idp.token(audience=AUDIENCE))


async def test_no_issuer_is_503(idp, verifier, hand):
    """Without any key the answer is 503, and the issuer is tried once every two seconds."""
    idp.down = True
    for _ in range(20):
        with pytest.raises(Unavailable) as caught:
            await verifier.verify(idp.token(audience=AUDIENCE))
    assert caught.value.headers["Retry-After"] == "2"
    idp.down = False
    hand.at_s += 3
    assert (await verifier.verify(idp.token(audience=AUDIENCE))).sub == "somebody"


async def test_an_empty_answer_wipes_nothing(idp, verifier, hand):
    """An issuer that lists no key has not withdrawn all of them."""
    token = idp.token(audience=AUDIENCE)
    await verifier.verify(token)
    signing, idp.keys = idp.keys, []
    hand.at_s += COOLDOWN_S + 1
    with pytest.raises(Unavailable):
        await verifier.verify(idp.sign(idp.claims(audience=AUDIENCE), key=signing[0], kid="made-up"))
    assert (await verifier.verify(token)).sub == "somebody"


async def test_another_issuer_is_not_trusted(idp, hand):
    """The discovery document must name the configured issuer exactly."""
    async with KeySet.open(idp.url + "/", monotonic=hand) as keys:
        with pytest.raises(Unavailable):
            await keys.key(idp.keys[0].kid)


async def test_nobody_listening_is_503():
    """A refused connection counts as an issuer that is down."""
    async with KeySet.open("http://127.0.0.1:9") as keys:
        with pytest.raises(Unavailable):
            await keys.key("any")


async def test_unusable_keys_are_ignored(idp, verifier):
    """Encryption keys, other algorithms, short RSA keys and rubbish are not used and do not spoil the rest."""
    good = idp.keys[0]
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()  # noqa: S505 - too short on purpose
    weak = {**json.loads(jwt.get_algorithm_by_name("RS256").to_jwk(short)), "kid": "weak", "alg": "RS256"}
    idp.extra_keys = [
        weak,
        {**good.public_jwk(), "kid": "encryption", "use": "enc"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "shared", "alg": "HS256"},
        {"kty": "RSA", "n": 5, "e": None, "kid": "broken"},
        {"kty": "EC"},
        "rubbish",
    ]
    assert (await verifier.verify(idp.token(audience=AUDIENCE))).sub == "somebody"
    for kid in ("weak", "encryption", "shared", "broken"):
        assert await refusal(verifier, idp.sign(idp.claims(audience=AUDIENCE), kid=kid)) == "unknown-key"


@pytest.mark.parametrize(
    "answer", [b"", b"{", b"[]", b"{}", b'{"keys": 5}', b'{"keys": []}', b"\xff", b" " * (DOCUMENT_MAX_BYTES + 1)]
)
async def test_unusable_answers_are_503(idp, verifier, answer):
    """Whatever the issuer sends instead of keys, callers get 503 and known keys stay."""
    idp.raw_keys = answer
    with pytest.raises(Unavailable):
        await verifier.verify(idp.token(audience=AUDIENCE))
