"""The OAuth token endpoint, used as by google-auth."""

import json
import time

import jwt
import pytest
import requests
from google.auth.exceptions import RefreshError

from gridcare_local.emulators.control import start_emulator
from gridcare_local.emulators.fcm.account import GRANT, write_service_account
from gridcare_local.emulators.keys import new_rsa_key, pem


@pytest.fixture
def session(fcm_emulator):
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(fcm_emulator.ca_file)
        yield session


def assertion(emulator, key=None, algorithm="RS256", **changes):
    account = json.loads(emulator.service_account_file.read_text())
    now_s = int(time.time())
    claims = {
        "iss": account["client_email"],
        "aud": account["token_uri"],
        "iat": now_s,
        "exp": now_s + 3600,
        "scope": "https://www.googleapis.com/auth/firebase.messaging",
        **changes,
    }
    return jwt.encode(claims, key or account["private_key"], algorithm)


def grant(session, emulator, signed, grant_type=GRANT):
    return session.post(f"{emulator.url}/token", data={"grant_type": grant_type, "assertion": signed})


def send(session, emulator, token):
    url = f"{emulator.url}/v1/projects/gridcare-local/messages:send"
    return session.post(url, json={"message": {"token": "device"}}, headers={"authorization": f"Bearer {token}"})


def test_valid_assertions_get_tokens(fcm_emulator, session):
    """The answer has a token, its type and its lifetime, and the token allows sending."""
    answer = grant(session, fcm_emulator, assertion(fcm_emulator)).json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    assert send(session, fcm_emulator, answer["access_token"]).status_code == 200


def test_a_bad_assertion_is_refused(fcm_emulator, session):
    """Another key, issuer, audience or algorithm, an expired or too long assertion, and rubbish get 400."""
    stranger = pem(new_rsa_key())
    now_s = int(time.time())
    bad = [
        assertion(fcm_emulator, stranger),
        assertion(fcm_emulator, iss="someone@else"),
        assertion(fcm_emulator, aud="https://elsewhere/token"),
        assertion(fcm_emulator, "a-secret-that-is-long-enough-for-hs256", "HS256"),
        assertion(fcm_emulator, iat=now_s - 7200, exp=now_s - 3600),
        assertion(fcm_emulator, exp=now_s + 7200),
        "rubbish",
    ]
    answers = [grant(session, fcm_emulator, signed) for signed in bad]
    assert [(answer.status_code, answer.json()["error"]) for answer in answers] == [(400, "invalid_grant")] * len(bad)


def test_a_scope_is_needed(fcm_emulator, session):
    """An assertion for another scope is invalid_scope; another grant type is unsupported_grant_type."""
    other = grant(session, fcm_emulator, assertion(fcm_emulator, scope="https://www.googleapis.com/auth/drive"))
    assert (other.status_code, other.json()["error"]) == (400, "invalid_scope")
    wrong = grant(session, fcm_emulator, assertion(fcm_emulator), grant_type="password")
    assert (wrong.status_code, wrong.json()["error"]) == (400, "unsupported_grant_type")


def test_google_auth_reads_a_refusal(fcm_emulator, connect_fcm):
    """If the assertion is refused, google-auth raises RefreshError."""
    session = connect_fcm(fcm_emulator)
    session.credentials._service_account_email = "someone@else"
    with pytest.raises(RefreshError, match="invalid_grant"):
        session.post(f"{fcm_emulator.url}/v1/projects/gridcare-local/messages:send", json={})


@pytest.mark.parametrize("token", ["", "rubbish", "ya29.cnViYmlzaA==", "ya29.MTox"])
def test_a_strange_token_is_unauthenticated(fcm_emulator, session, token):
    """Sending without a token of this emulator is 401 UNAUTHENTICATED."""
    answer = send(session, fcm_emulator, token)
    assert (answer.status_code, answer.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_tokens_expire(fcm_emulator, session):
    """A token is valid for its lifetime and no longer."""
    fcm_emulator.settings(token_lifetime_s=2)
    answer = grant(session, fcm_emulator, assertion(fcm_emulator)).json()
    assert answer["expires_in"] == 2
    assert send(session, fcm_emulator, answer["access_token"]).status_code == 200
    deadline = time.monotonic() + 10
    while send(session, fcm_emulator, answer["access_token"]).status_code != 401:
        assert time.monotonic() < deadline


def test_tokens_can_be_revoked(fcm_emulator, session):
    """revoked_before_s invalidates earlier tokens, but not new ones."""
    old = grant(session, fcm_emulator, assertion(fcm_emulator)).json()["access_token"]
    fcm_emulator.settings(revoked_before_s=time.time())
    assert send(session, fcm_emulator, old).status_code == 401
    new = grant(session, fcm_emulator, assertion(fcm_emulator)).json()["access_token"]
    assert send(session, fcm_emulator, new).status_code == 200


@pytest.mark.server
def test_a_token_outlives_a_restart(tmp_path, connect_fcm):
    """The account, the certificate, the settings and the issued tokens survive a kill -9 and a restart."""
    emulator = start_emulator("fcm", tmp_path)
    try:
        emulator.settings(strict=True)
        session = connect_fcm(emulator)
        url = f"{emulator.url}/v1/projects/gridcare-local/messages:send"
        assert session.post(url, json={"message": {"token": "a"}}).status_code == 200
        emulator.kill()
        emulator.start_again()
        assert session.post(url, json={"message": {"token": "b"}}).status_code == 200
        assert session.post(url, json={"message": {"token": "b", "unknown": 1}}).status_code == 400
        assert len(emulator.journal("token")) == 1
        assert len(emulator.journal()) == 2
    finally:
        emulator.stop()


def test_accounts_keep_their_key(tmp_path):
    """Writing the account for another port changes only the token address."""
    first = write_service_account(tmp_path, "https://127.0.0.1:1001").read_text()
    second = write_service_account(tmp_path, "https://127.0.0.1:1002").read_text()
    assert second == first.replace(":1001/token", ":1002/token")
    assert (tmp_path / "service-account.json").stat().st_mode & 0o077 == 0
