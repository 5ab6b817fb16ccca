"""Twilio over real sockets: no retries, a deadline, what a request carries, and what every answer means."""

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from gridcare.errors import Retryable
from gridcare_local.emulators.twilio import AUTH_TOKEN
from gridcare_local.testing.emulators import numbers
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.providers.twilio.sender import refusal

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
REFUSED, RETRY, UNKNOWN, WRONG = (
    OutcomeKind.REFUSED,
    OutcomeKind.RETRY,
    OutcomeKind.UNKNOWN,
    OutcomeKind.MISCONFIGURED,
)


async def send(sender, to: str, **changes) -> Outcome:
    return await sender.send(**{"to": to, "body": "Cat dien", "callback_ref": "b.1.1", "validity_s": 600, **changes})


def accepted(emulator, to: str) -> list[dict]:
    return [line for line in emulator.journal() if line["to"] == to]


@pytest.mark.parametrize(
    ("status", "code", "kind", "dead", "opted_out"),
    [
        (400, 21211, REFUSED, True, False),
        (400, 21612, REFUSED, False, False),
        (400, 21614, REFUSED, True, False),
        (400, 21610, REFUSED, False, True),
        (403, 21610, REFUSED, False, True),
        (404, 21211, REFUSED, True, False),
        (400, 21617, REFUSED, False, False),
        (400, 21408, WRONG, False, False),
        (400, 21606, WRONG, False, False),
        (401, 20003, WRONG, False, False),
        (403, 20003, WRONG, False, False),
        (401, 0, WRONG, False, False),
        (404, 20404, WRONG, False, False),
        (404, 0, WRONG, False, False),
        (302, 0, WRONG, False, False),
        (408, 0, UNKNOWN, False, False),
        (429, 20429, RETRY, False, False),
        (429, 0, RETRY, False, False),
        (500, 20500, UNKNOWN, False, False),
        (502, 0, UNKNOWN, False, False),
        (503, 20503, UNKNOWN, False, False),
        (504, 0, UNKNOWN, False, False),
    ],
)
def test_every_refusal_has_one_meaning(status, code, kind, dead, opted_out):
    """Only what the number's owner or kind causes touches the contact; a 5xx may have created the message."""
    outcome = refusal(status, code, None, NOW)
    assert (outcome.kind, outcome.contact_dead, outcome.opted_out) == (kind, dead, opted_out)
    assert outcome.code == (str(code) if code else f"http-{status}")


@pytest.mark.parametrize(("header", "wait_s"), [(None, None), ("7", 7.0), ("Mon, 23 Nov 2026 05:00:09 GMT", 9.0)])
def test_busy_twilio(header, wait_s):
    """Retry-After is kept, in seconds or as a date."""
    assert refusal(429, 20429, header, NOW) == Outcome(RETRY, "20429", retry_after_s=wait_s)


async def test_callback_carries_the_attempt(twilio, sms):
    """The status callback is our public address with the attempt's name, escaped."""
    to = next(numbers)
    await send(sms, to, callback_ref="0192-é.7.2&x")
    (line,) = accepted(twilio, to)
    address = urlsplit(line["status_callback"])
    assert address[:3] == ("https", "api.gridcare.test", "/v1/callbacks/twilio")
    assert parse_qs(address.query) == {"attempt": ["0192-é.7.2&x"]}
    assert address.fragment == "rc=5&rp=all"  # Twilio calls again when we are away
    assert line["from"] == "GRIDCARE"


async def test_lost_answer_is_listed(twilio, open_sms):
    """Accepted without an answer: the deadline holds, there was one call, and the list shows the message."""
    to = next(numbers)
    twilio.script([{"match": {"to": to}, "action": {"hang": True}}])
    async with open_sms(twilio.url, deadline_s=1.0) as sender:
        assert await send(sender, to) == Outcome(UNKNOWN, "timeout")
        (line,) = accepted(twilio, to)
        assert [it.message_id for it in await sender.recent(to)] == [line["sid"]]


async def test_wrong_credentials(twilio, open_sms):
    """20003: nothing is sent, and looking up is no answer either."""
    to = next(numbers)
    async with open_sms(twilio.url, auth_token=AUTH_TOKEN[::-1]) as sender:
        assert await send(sender, to) == Outcome(WRONG, "20003")
        with pytest.raises(Retryable):
            await sender.recent(to)
    assert accepted(twilio, to) == []


async def test_nobody_there_sends_nothing(open_sms):
    """A refused connection: retry, and the look-up is not an answer of `none`."""
    async with open_sms("http://127.0.0.1:9") as sender:
        assert await send(sender, next(numbers)) == Outcome(RETRY, "no-connection")
        with pytest.raises(Retryable):
            await sender.recent(next(numbers))


@pytest.mark.parametrize("answer", [b"", b"{}", b"[]", b"null", b"<html>", b'{"sid": null}', b"\xff", b'"text"', b"7"])
async def test_unreadable_answer_is_unknown(misbehaving, open_sms, answer):
    """A 201 without a message id, however garbled, may stand for a message; and it is no empty list."""

    async def answers(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 201 Created\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(answer), answer)
        )
        await writer.drain()

    async with misbehaving(answers) as port, open_sms(f"http://127.0.0.1:{port}") as sender:
        assert await send(sender, next(numbers)) == Outcome(UNKNOWN, "bad-answer")
        with pytest.raises(Retryable):
            await sender.recent(next(numbers))


async def test_environment_moves_nothing(twilio, open_sms, monkeypatch):
    """TWILIO_EDGE and TWILIO_REGION of the process are not ours to obey."""
    monkeypatch.setenv("TWILIO_EDGE", "sydney")
    monkeypatch.setenv("TWILIO_REGION", "au1")
    async with open_sms(twilio.url) as sender:
        assert (await send(sender, next(numbers))).kind is OutcomeKind.ACCEPTED


async def test_no_proxy_to_this_machine(twilio, open_sms, monkeypatch):
    """An emulator is reached behind whatever proxy the machine has; a provider goes through it."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with open_sms(twilio.url) as here, open_sms("http://api.twilio.test") as there:
        assert (await send(here, next(numbers))).kind is OutcomeKind.ACCEPTED
        assert await send(there, next(numbers)) == Outcome(RETRY, "no-connection")


async def test_errors_hold_nothing_personal(twilio, open_sms):
    """What a failed look-up raises holds neither the number nor the address."""
    to = next(numbers)
    async with open_sms("http://127.0.0.1:9") as sender:
        with pytest.raises(Retryable) as raised:
            await sender.recent(to)
    told = json.dumps([str(raised.value), repr(raised.value), repr(raised.value.__cause__)])
    assert to[3:] not in told
    assert "To=" not in told
