"""An SMS provider in memory; it passes the contract of the real one (tests/providers/test_sms_contract.py)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gridcare.values.clock import Clock
from outage_notifier.ledger.core.outcome import ListedMessage, Outcome, OutcomeKind
from outage_notifier.providers.twilio.sender import VALIDITY_S_MAX, VALIDITY_S_MIN

LOST = Outcome(OutcomeKind.UNKNOWN, "timeout")
"""A call whose answer never came."""


@dataclass(frozen=True)
class SentSms:
    """A message that the fake provider took."""

    message_id: str
    to: str
    body: str
    callback_ref: str
    validity_s: int
    created_at: datetime


class FakeSmsSender:
    """Accepts every message unless its number has an outcome in `outcomes`; keeps what it took.

    An outcome of `unknown` is a message that was taken all the same if the number is in `taken_all_the_same`. `meanwhile` is
    what a test lets happen in the midst of each call.
    """

    def __init__(self, clock: Clock, outcomes: Mapping[str, Outcome] | None = None) -> None:
        self._clock = clock
        self.outcomes = dict(outcomes or {})
        self.taken_all_the_same: set[str] = set()
        self.sent: list[SentSms] = []
        self.looks = 0
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    def lose_answers(self, *numbers: str) -> None:
        """Take the messages to these numbers, and never answer."""
        self.outcomes |= dict.fromkeys(numbers, LOST)
        self.taken_all_the_same |= set(numbers)

    async def send(self, *, to: str, body: str, callback_ref: str, validity_s: int) -> Outcome:
        if self.meanwhile:
            await self.meanwhile()
        outcome = self.outcomes.get(to)
        refused = outcome is not None and outcome.kind is not OutcomeKind.ACCEPTED
        if refused and to not in self.taken_all_the_same:
            return outcome
        message_id = f"SM{len(self.sent):032x}"
        validity_s = min(max(validity_s, VALIDITY_S_MIN), VALIDITY_S_MAX)
        self.sent.append(SentSms(message_id, to, body, callback_ref, validity_s, self._clock.now()))
        return outcome if refused else Outcome(OutcomeKind.ACCEPTED, message_id=message_id)

    def provider_time(self) -> datetime | None:
        return self._clock.now() if self.sent else None

    async def recent(self, to: str) -> list[ListedMessage]:
        self.looks += 1
        return [
            ListedMessage(it.message_id, it.body, "queued", None, it.created_at)
            for it in reversed(self.sent)
            if it.to == to
        ]
