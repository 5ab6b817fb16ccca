"""What every PushSender does: the one that speaks FCM v1, against the emulator, and the fake."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from outage_notifier_testing.fake_push import FakePushSender, body_for

from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.sending.room import PushSender


@dataclass(frozen=True)
class Provider:
    """A sender, and the two ends of its provider that a test holds."""

    sender: PushSender
    refuse: Callable[[str, str], None]
    accepted: Callable[[], list[dict[str, Any]]]


OUTCOMES = {
    "UNREGISTERED": Outcome(OutcomeKind.REFUSED, "UNREGISTERED", contact_dead=True),
    "INVALID_ARGUMENT": Outcome(OutcomeKind.REFUSED, "INVALID_ARGUMENT"),
    "SENDER_ID_MISMATCH": Outcome(OutcomeKind.REFUSED, "SENDER_ID_MISMATCH", contact_foreign=True),
    "THIRD_PARTY_AUTH_ERROR": Outcome(OutcomeKind.REFUSED, "THIRD_PARTY_AUTH_ERROR"),
    "QUOTA_EXCEEDED": Outcome(OutcomeKind.RETRY, "QUOTA_EXCEEDED", retry_after_s=60.0),
    "UNAVAILABLE": Outcome(OutcomeKind.RETRY, "UNAVAILABLE"),
    "INTERNAL": Outcome(OutcomeKind.UNKNOWN, "INTERNAL"),
}


@pytest.fixture(params=["fake", "fcm"])
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[Provider]:
    if request.param == "fake":
        fake = FakePushSender()
        yield Provider(
            fake, lambda registration, code: fake.outcomes.update({registration: OUTCOMES[code]}), lambda: fake.accepted
        )
        return
    emulator = request.getfixturevalue("fcm")
    before = len(emulator.journal())

    def refuse(registration: str, code: str) -> None:
        emulator.script([{"match": {"registration": registration}, "action": {"error": code}}])

    def accepted() -> list[dict[str, Any]]:
        return [line["body"]["message"] for line in emulator.journal()[before:]]

    async with request.getfixturevalue("open_push")(emulator) as sender:
        yield Provider(sender, refuse, accepted)


@pytest.mark.parametrize("kind", ["fid", "token"])
async def test_sound_message_is_accepted(provider, kind):
    """The provider takes it, names it, and has it whole."""
    outcome = await provider.sender.send(body_for("device-đ", kind=kind))
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert outcome.message_id
    (message,) = provider.accepted()
    assert (message[kind], message["data"]["delivery_id"]) == ("device-đ", "n.1")


async def test_message_names_are_unique(provider):
    """Message ids are not used twice."""
    names = {(await provider.sender.send(body_for("device", number=number))).message_id for number in range(5)}
    assert len(names) == 5


@pytest.mark.parametrize("code", sorted(OUTCOMES))
async def test_refused_message_is_not_there(provider, code):
    """Each refusal is the outcome that its table says, after one call, and nothing was accepted."""
    provider.refuse("device", code)
    assert await provider.sender.send(body_for("device")) == OUTCOMES[code]
    assert provider.accepted() == []
