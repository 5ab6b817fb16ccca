"""FCM over real sockets: connections, deadlines, access tokens."""

import asyncio
import json
import time

import pytest
from outage_notifier_testing.fake_push import body_for

from gridcare.errors import SettingsError
from gridcare.testing.waiting import eventually
from gridcare_local.emulators.control import start_emulator
from gridcare_local.emulators.keys import new_rsa_key, pem
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind

pytestmark = pytest.mark.server

ACCEPTED = OutcomeKind.ACCEPTED


def tokens_given(emulator) -> int:
    return len(emulator.journal("token"))


async def send_many(sender, count: int) -> set[OutcomeKind]:
    return {outcome.kind for outcome in await asyncio.gather(*(sender.send(body_for("device")) for _ in range(count)))}


@pytest.mark.parametrize("connections", [1, 4])
async def test_connections_carry_hundreds(fcm, open_push, connections):
    """A connection has 100 streams: while no answer comes, one connection carries 100 messages and four carry 400."""
    fcm.script([{"match": {}, "action": {"hang": True}}])
    before = len(fcm.journal())
    async with open_push(fcm, connections=connections, deadline_s=60) as sender:
        sending = asyncio.ensure_future(send_many(sender, 500))
        await eventually(lambda: len(fcm.journal()) - before >= 100 * connections)
        await asyncio.sleep(0.2)
        assert len(fcm.journal()) - before == 100 * connections
        sending.cancel()
        await asyncio.wait({sending})


async def test_no_answer_is_unknown(fcm, open_push):
    """A message that was taken without an answer is in doubt, and was sent once."""
    fcm.script([{"match": {}, "action": {"hang": True}}])
    before = len(fcm.journal())
    async with open_push(fcm, deadline_s=0.5) as sender:
        assert await sender.send(body_for("device")) == Outcome(OutcomeKind.UNKNOWN, "timeout")
    assert len(fcm.journal()) == before + 1


async def test_taken_with_an_error(fcm, push):
    """INTERNAL says nothing about whether it was taken: the adapter does not try again by itself."""
    fcm.script([{"match": {}, "action": {"error": "INTERNAL", "accepted": True}}])
    before = len(fcm.journal())
    assert (await push.send(body_for("device"))).kind is OutcomeKind.UNKNOWN
    assert len(fcm.journal()) == before + 1


async def test_restarted_provider(tmp_path, open_push):
    """While it is gone nothing is sent; when it is back the same sender goes on."""
    emulator = start_emulator("fcm", tmp_path / "fcm")
    try:
        async with open_push(emulator) as sender:
            assert await send_many(sender, 4) == {ACCEPTED}
            emulator.kill()
            assert (await sender.send(body_for("device"))).kind in {OutcomeKind.RETRY, OutcomeKind.UNKNOWN}
            assert (await sender.send(body_for("device"))).kind in {OutcomeKind.RETRY, OutcomeKind.UNKNOWN}
            assert await sender.send(body_for("device")) == Outcome(OutcomeKind.RETRY, "no-connection")
            emulator.start_again()
            assert await send_many(sender, 4) == {ACCEPTED}
    finally:
        emulator.stop()


async def test_one_token_serves_all(fcm, open_push):
    """A hundred messages that wait for the first token cause one request for it."""
    before = tokens_given(fcm)
    async with open_push(fcm) as sender:
        assert await send_many(sender, 100) == {ACCEPTED}
    assert tokens_given(fcm) == before + 1


async def test_token_renewed_in_time(fcm, open_push):
    """Tokens of two seconds: messages are accepted all the time, without one refusal."""
    fcm.settings(token_lifetime_s=2)
    before, unauthenticated = tokens_given(fcm), fcm.counts().get("unauthenticated", 0)
    async with open_push(fcm) as sender:
        deadline_s = time.monotonic() + 10
        while tokens_given(fcm) < before + 3:
            assert time.monotonic() < deadline_s
            assert await send_many(sender, 3) == {ACCEPTED}
    assert fcm.counts().get("unauthenticated", 0) == unauthenticated


async def test_revoked_token_is_replaced(fcm, push):
    """A 401 answers retry, one new token is fetched, and the next messages go through."""
    assert await send_many(push, 1) == {ACCEPTED}
    fcm.settings(revoked_before_s=time.time())
    before, unauthenticated = tokens_given(fcm), fcm.counts().get("unauthenticated", 0)
    outcomes = await asyncio.gather(*(push.send(body_for("device")) for _ in range(50)))
    # How many of the fifty meet the 401 is open: the first may be answered before the others begin, which then wait.
    assert {outcome.kind for outcome in outcomes} <= {OutcomeKind.RETRY, ACCEPTED}
    retried = [outcome for outcome in outcomes if outcome.kind is OutcomeKind.RETRY]
    assert len(retried) == fcm.counts()["unauthenticated"] - unauthenticated > 0
    assert await send_many(push, 50) == {ACCEPTED}
    assert tokens_given(fcm) == before + 1


async def test_second_token_refused_too(fcm, push):
    """Two tokens refused in a row: the credentials are wrong, and the token endpoint is left in peace."""
    assert await send_many(push, 1) == {ACCEPTED}
    fcm.settings(revoked_before_s=time.time() + 3600)
    assert (await push.send(body_for("device"))).kind is OutcomeKind.RETRY
    before = tokens_given(fcm)
    kinds = [(await push.send(body_for("device"))).kind for _ in range(20)]
    assert set(kinds) == {OutcomeKind.MISCONFIGURED}
    assert tokens_given(fcm) == before + 1


async def test_key_unknown_to_google(fcm, open_push, tmp_path):
    """An assertion that is refused makes every call misconfigured, without a call to FCM."""
    account = json.loads(fcm.service_account_file.read_text())
    path = tmp_path / "account.json"
    path.write_text(json.dumps({**account, "private_key": pem(new_rsa_key()).decode()}))
    async with open_push(fcm, credentials_file=str(path)) as sender:
        assert await sender.send(body_for("device")) == Outcome(OutcomeKind.MISCONFIGURED, "token-refused")


async def test_unreachable_token_endpoint(tmp_path, open_push):
    """Opened while Google is away: calls answer retry, and the first token comes when it is back."""
    emulator = start_emulator("fcm", tmp_path / "fcm")
    emulator.kill()
    try:
        async with open_push(emulator) as sender:
            assert await sender.send(body_for("device")) == Outcome(OutcomeKind.RETRY, "token-unavailable")
            emulator.start_again()

            async def accepted() -> bool:
                return (await sender.send(body_for("device"))).kind is ACCEPTED

            await eventually(accepted, timeout_s=15)
    finally:
        emulator.stop()


@pytest.mark.parametrize("content", [None, "", "{}", '{"type": "service_account"}'])
async def test_bad_credentials_file(fcm, open_push, tmp_path, content):
    """A file that is missing or no service account is a settings error, with nothing of it in the text."""
    path = tmp_path / "account.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError):
        async with open_push(fcm, credentials_file=str(path)):
            raise AssertionError("it must not open")


async def test_tokens_come_over_https(fcm, open_push, tmp_path):
    """A service account whose tokens are fetched in the clear from another machine is a settings error."""
    account = json.loads(fcm.service_account_file.read_text())
    path = tmp_path / "account.json"
    path.write_text(json.dumps({**account, "token_uri": "http://tokens.test/token"}))
    with pytest.raises(SettingsError, match="token_uri must be https"):
        async with open_push(fcm, credentials_file=str(path)):
            raise AssertionError("it must not open")


async def test_wrong_address(fcm, open_push):
    """A 404 that FCM did not write costs no device its registration."""
    async with open_push(fcm, api_url=f"{fcm.url}/elsewhere") as sender:
        outcome = await sender.send(body_for("device"))
    assert outcome == Outcome(OutcomeKind.MISCONFIGURED, "http-404")
