"""An SMS provider in memory; it passes the contract of the real one (tests/outbound/test_sms_contract.py)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gridcare.errors import Retryable
from gridcare.values.clock import Clock
from outage_notifier.ledger.core.outcome import FoundMessage, Outcome, OutcomeKind


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
    """Accepts every message unless its number has an outcome in `outcomes`.

    An outcome of `unknown` is a message that was taken all the same if the number is in `taken_all_the_same`. `down`:
    the list cannot be had.
    """

    def __init__(self, clock: Clock, outcomes: Mapping[str, Outcome] | None = None) -> None:
        self._clock = clock
        self.outcomes = dict(outcomes or {})
        self.taken_all_the_same: set[str] = set()
        self.sent: list[SentSms] = []
        self.down = False
        self.looks = 0

    async def send(self, *, to: str, body: str, callback_ref: str, validity_s: int) -> Outcome:
        outcome = self.outcomes.get(to)
        refused = outcome is not None and outcome.kind is not OutcomeKind.ACCEPTED
        if refused and to not in self.taken_all_the_same:
            return outcome
        message_id = f"SM{len(self.sent):032x}"
        self.sent.append(SentSms(message_id, to, body, callback_ref, validity_s, self._clock.now()))
        return outcome if refused else Outcome(OutcomeKind.ACCEPTED, message_id=message_id)

    async def recent(self, to: str) -> list[FoundMessage]:
        self.looks += 1
        if self.down:
            raise Retryable("fake: down")
        return [
            FoundMessage(it.message_id, it.body, "queued", None, it.created_at)
            for it in reversed(self.sent)
            if it.to == to
        ]
