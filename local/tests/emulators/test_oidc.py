"""The issuer, used with PyJWT's client."""

import time

import jwt
import pytest
import requests

from gridcare_local.emulators.control import EmulatorError, start_emulator

CLAIMS = {
    "sub": "customer-1",
    "aud": "outage-notifier",
    "roles": ["customer"],
    "customer_codes": ["PB11010012345"],
    "team_id": None,
}


def verified(emulator, token, audience="outage-notifier", leeway_s=0):
    """Verify a token as a service does: discovery, JWKS, pinned algorithms, required claims."""
    discovery = requests.get(f"{emulator.url}/.well-known/openid-configuration", timeout=5).json()
    key = jwt.PyJWKClient(discovery["jwks_uri"], timeout=5).get_signing_key_from_jwt(token)
    return jwt.decode(
        token,
        key.key,
        algorithms=["RS256", "ES256"],
        audience=audience,
        issuer=discovery["issuer"],
        leeway=leeway_s,
        options={"require": ["exp", "iat", "iss", "aud", "sub"]},
    )


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_minted_token_verifies(oidc_emulator, algorithm):
    """A token of either algorithm has its claims and verifies with discovery and the JWKS."""
    token = oidc_emulator.mint_token(**CLAIMS, algorithm=algorithm)
    assert jwt.get_unverified_header(token)["alg"] == algorithm
    claims = verified(oidc_emulator, token)
    assert (claims["sub"], claims["roles"], claims["customer_codes"]) == ("customer-1", ["customer"], ["PB11010012345"])
    assert "team_id" not in claims
    assert claims["iat"] == claims["nbf"] == claims["exp"] - 3600
    assert abs(claims["iat"] - time.time()) < 10


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_tokens_come_over_http(oidc_emulator, algorithm):
    """POST token returns a token with the posted claims."""
    request = {"claims": CLAIMS, "algorithm": algorithm, "lifetime_s": 60}
    answer = oidc_emulator.request("POST", "/_emulator/token", request)
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 60)
    claims = verified(oidc_emulator, answer["access_token"])
    assert (claims["sub"], claims["exp"] - claims["iat"]) == ("customer-1", 60)


@pytest.mark.parametrize("request_body", [{}, {"claims": {}, "algorithm": "none"}, {"claims": {}, "life": 1}])
def test_bad_requests_are_refused(oidc_emulator, request_body):
    """Missing claims, an unsupported algorithm and an unknown field are 422."""
    with pytest.raises(EmulatorError, match="422"):
        oidc_emulator.request("POST", "/_emulator/token", request_body)


def test_invalid_tokens_can_be_minted(oidc_emulator):
    """Tokens that are expired, not yet valid, of another issuer, incomplete or badly signed fail for that reason."""
    now_s = int(time.time())
    mint = oidc_emulator.mint_token
    for token, error in [
        (mint(**CLAIMS, lifetime_s=-10), jwt.ExpiredSignatureError),
        (mint(**CLAIMS, nbf=now_s + 600), jwt.ImmatureSignatureError),
        (mint(**CLAIMS, iss="http://elsewhere"), jwt.InvalidIssuerError),
        (mint(**{**CLAIMS, "aud": "repair-intake"}), jwt.InvalidAudienceError),
        (mint(**{**CLAIMS, "sub": None}), jwt.MissingRequiredClaimError),
        (mint(**CLAIMS, foreign=True), jwt.InvalidSignatureError),
    ]:
        with pytest.raises(error):
            verified(oidc_emulator, token)


def test_rotation_keeps_old_tokens(oidc_emulator):
    """After a rotation, new tokens have another kid and old ones still verify, until the old keys are dropped."""
    old = oidc_emulator.mint_token(**CLAIMS)
    oidc_emulator.rotate_keys()
    new = oidc_emulator.mint_token(**CLAIMS)
    assert jwt.get_unverified_header(old)["kid"] != jwt.get_unverified_header(new)["kid"]
    assert verified(oidc_emulator, old)["sub"] == verified(oidc_emulator, new)["sub"] == "customer-1"
    oidc_emulator.rotate_keys(drop_old=True)
    with pytest.raises(jwt.PyJWKClientError):
        verified(oidc_emulator, old)


@pytest.mark.server
def test_keys_outlive_a_restart(tmp_path):
    """After a kill -9 and a restart, the issuer has the same keys."""
    emulator = start_emulator("oidc", tmp_path)
    try:
        emulator.rotate_keys()
        token = emulator.mint_token(**CLAIMS)
        emulator.kill()
        emulator.start_again()
        assert verified(emulator, token)["sub"] == "customer-1"
        again = emulator.mint_token(**CLAIMS)
        assert jwt.get_unverified_header(again)["kid"] == jwt.get_unverified_header(token)["kid"]
    finally:
        emulator.stop()


def test_the_jwks_may_be_down(oidc_emulator):
    """A script can make the JWKS fail while discovery works; each request is counted."""
    before = oidc_emulator.counts().get("/jwks.json", 0)
    oidc_emulator.script([{"match": {"path": "/jwks.json"}, "action": {"http_status": 503}, "times": 1}])
    assert requests.get(f"{oidc_emulator.url}/.well-known/openid-configuration", timeout=5).status_code == 200
    assert [requests.get(f"{oidc_emulator.url}/jwks.json", timeout=5).status_code for _ in range(2)] == [503, 200]
    assert oidc_emulator.counts()["/jwks.json"] == before + 2


def test_the_jwks_may_hang(oidc_emulator):
    """`latency_s` delays the answer to a request, and `hang` never answers it."""
    oidc_emulator.script(
        [{"match": {"nth": 1}, "action": {"latency_s": 0.2}}, {"match": {}, "action": {"hang": True}, "times": 1}]
    )
    began = time.monotonic()
    assert requests.get(f"{oidc_emulator.url}/jwks.json", timeout=5).status_code == 200
    assert time.monotonic() - began >= 0.2
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(f"{oidc_emulator.url}/jwks.json", timeout=0.2)


def test_private_keys_stay_private(oidc_emulator):
    """The JWKS contains no private member of a key."""
    keys = requests.get(f"{oidc_emulator.url}/jwks.json", timeout=5).json()["keys"]
    assert {"RS256", "ES256"} == {key["alg"] for key in keys}
    assert not {"d", "p", "q", "dp", "dq", "qi"} & {name for key in keys for name in key}
