"""What every SmsSender and SmsList does: the one that speaks to Twilio, against the emulator, and the fake."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest
from outage_notifier_testing.fake_sms import FakeSmsSender

from gridcare.values.clock import SystemClock
from gridcare_local.testing.emulators import numbers
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.receipts.room import SmsList
from outage_notifier.sending.room import SmsSender

OUTCOMES = {
    21211: Outcome(OutcomeKind.REFUSED, "21211", contact_dead=True),
    21614: Outcome(OutcomeKind.REFUSED, "21614", contact_dead=True),
    21610: Outcome(OutcomeKind.REFUSED, "21610", opted_out=True),
    21408: Outcome(OutcomeKind.MISCONFIGURED, "21408"),
    20429: Outcome(OutcomeKind.RETRY, "20429", retry_after_s=3.0),
    20500: Outcome(OutcomeKind.UNKNOWN, "20500"),
}


class SmsProvider(SmsSender, SmsList, Protocol):
    """What senders and look-ups need of one provider."""


@dataclass(frozen=True)
class Provider:
    """A sender, and the ends of its provider that a test holds: `refuse` may take the message all the same."""

    sender: SmsProvider
    refuse: Callable[..., None]
    accepted: Callable[[str], list[tuple[str, str]]]
    validity_s: Callable[[str], list[int]]


@pytest.fixture(params=["fake", "twilio"])
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[Provider]:
    if request.param == "fake":
        fake = FakeSmsSender(SystemClock())

        def refuse_fake(to: str, code: int, *, accepted: bool = False) -> None:
            fake.outcomes[to] = OUTCOMES[code]
            fake.taken_all_the_same |= {to} if accepted else set()

        yield Provider(
            fake,
            refuse_fake,
            lambda to: [(sms.message_id, sms.body) for sms in fake.sent if sms.to == to],
            lambda to: [sms.validity_s for sms in fake.sent if sms.to == to],
        )
        return
    emulator = request.getfixturevalue("twilio")

    def refuse(to: str, code: int, *, accepted: bool = False) -> None:
        action = {20429: {"http_status": 429, "retry_after_s": 3}, 20500: {"http_status": 500}}.get(code)
        emulator.script([{"match": {"to": to}, "action": (action or {"error": code}) | {"accepted": accepted}}])

    def accepted(to: str) -> list[tuple[str, str]]:
        return [(line["sid"], line["body"]) for line in emulator.journal() if line["to"] == to]

    def validity_s(to: str) -> list[int]:
        return [line["validity_s"] for line in emulator.journal() if line["to"] == to]

    async with request.getfixturevalue("open_sms")(emulator.url) as sender:
        yield Provider(sender, refuse, accepted, validity_s)


async def send(sender: SmsSender, to: str, body: str = "Cat dien", *, validity_s: int = 600) -> Outcome:
    return await sender.send(to=to, body=body, callback_ref="batch.1.1", validity_s=validity_s)


async def test_message_is_accepted_and_named(provider):
    """The provider takes it whole, and its id is the outcome's."""
    to = next(numbers)
    outcome = await send(provider.sender, to, "Cắt điện 08:00-16:00 & 100 %=+")
    assert outcome == Outcome(OutcomeKind.ACCEPTED, message_id=outcome.message_id)
    assert provider.accepted(to) == [(outcome.message_id, "Cắt điện 08:00-16:00 & 100 %=+")]


@pytest.mark.parametrize(("wanted", "taken"), [(-5, 1), (0, 1), (600, 600), (36_000, 36_000), (90_000, 36_000)])
async def test_validity_within_limits(provider, wanted, taken):
    """Twilio's ValidityPeriod is 1 to 36,000 seconds: what is useful for longer, or no more, is cut to that."""
    to = next(numbers)
    await send(provider.sender, to, validity_s=wanted)
    assert provider.validity_s(to) == [taken]


@pytest.mark.parametrize("code", sorted(OUTCOMES))
async def test_refused_message_is_not_there(provider, code):
    """Each refusal is the outcome that its table says, after one call, and nothing was created."""
    to = next(numbers)
    provider.refuse(to, code)
    assert await send(provider.sender, to) == OUTCOMES[code]
    assert provider.accepted(to) == []
    assert await provider.sender.recent(to) == []


async def test_message_behind_an_error(provider):
    """A 500 may hide a message: one call, one message, which the list shows."""
    to = next(numbers)
    provider.refuse(to, 20500, accepted=True)
    assert await send(provider.sender, to) == OUTCOMES[20500]
    ((message_id, body),) = provider.accepted(to)
    (listed,) = await provider.sender.recent(to)
    assert (listed.message_id, listed.body) == (message_id, body)


async def test_list_is_newest_first(provider):
    """Messages of a number, newest first, with aware times of creation."""
    to, other = next(numbers), next(numbers)
    began = datetime.now(UTC) - timedelta(seconds=1)
    sent = [(await send(provider.sender, to, f"message {at}")).message_id for at in range(3)]
    await send(provider.sender, other)
    listed = await provider.sender.recent(to)
    assert [it.message_id for it in listed] == sent[::-1]
    assert [it.body for it in listed] == ["message 2", "message 1", "message 0"]
    assert all(began.replace(microsecond=0) <= it.created_at <= datetime.now(UTC) for it in listed)


async def test_provider_tells_its_clock(provider):
    """Before the first answer its time is not known; after it, it is no later than that of the next message."""
    to = next(numbers)
    assert provider.sender.provider_time() is None
    await send(provider.sender, to)
    known = provider.sender.provider_time()
    await send(provider.sender, to, "Co dien")
    newest, *_ = await provider.sender.recent(to)
    assert newest.created_at - timedelta(minutes=1) < known.replace(microsecond=0) <= newest.created_at
