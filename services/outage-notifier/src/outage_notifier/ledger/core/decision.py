"""What follows the outcome of a call, or the check just before it: a delivery's next state, and when it is tried again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from gridcare.events.notices import Channel
from outage_notifier.ledger.core.delivery import State
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind

TRIES_BESIDE_FALLBACK_MAX: Final = 4
"""Calls for a recipient's other devices before the patience of a fallback begins: about 70 seconds."""

_ENDS: Final = (OutcomeKind.ACCEPTED, OutcomeKind.REFUSED)
_BACKOFF_FIRST: Final = timedelta(seconds=10)
_BACKOFF_MAX: Final = timedelta(minutes=30)


class Decision(Struct, frozen=True, gc=False):
    """A delivery's next state and, while it is open, when something is tried next and over which channel."""

    state: State
    reason: str = ""
    next_attempt_at: datetime | None = None
    next_channel: Channel | None = None


class Situation(Struct, frozen=True, gc=False):
    """What a decision depends on, besides the outcomes.

    `tries` counts earlier claims that made a call. `fallback`: the recipient has a phone that a push may fall back to.
    `told_before`: an earlier push of this delivery was accepted by a device (it is awaiting). `patience` is the template's;
    `untaken_patience` is how long a push that no device takes is tried before the SMS; `first_look` is how long after a call of
    unknown end the provider is first asked about it.
    """

    now: datetime
    useful_until: datetime
    tries: int
    fallback: bool
    told_before: bool = False
    patience: timedelta | None = None
    untaken_patience: timedelta = timedelta(minutes=30)
    first_look: timedelta = timedelta(seconds=90)


def decide_push(outcomes: Sequence[Outcome], situation: Situation) -> Decision:
    """Fold the outcomes of a recipient's devices. Each device should get the push; one is enough for the recipient to be told."""
    told = situation.told_before or OutcomeKind.ACCEPTED in [outcome.kind for outcome in outcomes]
    again = [outcome for outcome in outcomes if outcome.kind not in _ENDS]
    retry = _retry(again, situation, channel="push") if again else None
    if told:
        return _after_accepted_push(situation, retry)
    if retry is not None and not (situation.fallback and _waits_too_long(retry, situation)):
        return retry
    code = outcomes[0].code if outcomes else "no-device"
    if situation.fallback and situation.now < situation.useful_until:
        return Decision(State.RETRYING, code, situation.now, "sms")
    if outcomes and not again and not all(outcome.contact_lost for outcome in outcomes):
        return Decision(State.FAILED, code)
    if again:
        return Decision(State.EXPIRED, code)
    return choose_again(Decision(State.UNREACHABLE, code), situation, channel="push")


def decide_sms(outcome: Outcome, situation: Situation) -> Decision:
    """Say what follows the outcome of an SMS."""
    return keep_told(_decide_sms(outcome, situation), situation)


def choose_again(end: Decision, situation: Situation, *, channel: Channel) -> Decision:
    """Have contacts chosen now, in place of those that are of no use any more; `end` is what follows if it is too late.

    If none is left, the choice ends the recipient (planning/core/follow_up.py). So that this has an end, a contact that is of no
    use must be removed or marked by the time this is recorded.
    """
    if situation.now >= situation.useful_until:
        return keep_told(end, situation)
    if situation.told_before:
        return Decision(State.AWAITING, f"sms-{end.reason}", situation.now, channel)
    return Decision(State.RETRYING, end.reason, situation.now, channel)


def keep_told(decision: Decision, situation: Situation) -> Decision:
    """Say that a recipient whose push was accepted stays told, whatever is decided about the SMS after it."""
    if not situation.told_before:
        return decision
    if decision.state is State.RETRYING:
        return Decision(State.AWAITING, decision.reason, decision.next_attempt_at, "sms")
    if decision.state in {State.FAILED, State.EXPIRED, State.OPTED_OUT, State.UNREACHABLE}:
        return Decision(State.ACCEPTED, f"sms-{decision.reason}")
    return decision


def decide_unsent(situation: Situation, *, superseded: bool, held_until: datetime | None) -> Decision | None:
    """Say why a member is not to be sent now, or return None if it may be. Asked just before the call.

    Quiet hours delay a message but never lose it: one that would be useless by their end is sent during them.
    """
    settled_as = State.ACCEPTED if situation.told_before else None
    if superseded:
        return Decision(settled_as or State.SUPERSEDED, "superseded")
    if situation.now >= situation.useful_until:
        return Decision(settled_as or State.EXPIRED, "too-late")
    if held_until is not None and held_until < situation.useful_until:
        return Decision(State.AWAITING if situation.told_before else State.HELD, "quiet-hours", held_until, None)
    return None


def backoff(tries: int, retry_after_s: float | None) -> timedelta:
    """Return the wait before the next try: doubling, never less than the provider asked for.

    There is no jitter here: follow-up batches are cut once a second and sent at the provider's rate.
    """
    doubled = min(_BACKOFF_FIRST * (1 << min(tries, 10)), _BACKOFF_MAX)
    return max(doubled, timedelta(seconds=retry_after_s or 0))


def before_sms(patience: timedelta, left: timedelta) -> timedelta:
    """Return how long a push that goes nowhere waits for its SMS, of the time that was left when it began to."""
    return min(patience, max(left, timedelta()) / 2)


def _decide_sms(outcome: Outcome, situation: Situation) -> Decision:
    match outcome.kind:
        case OutcomeKind.ACCEPTED:
            return Decision(State.ACCEPTED)
        case OutcomeKind.REFUSED:
            return _after_refused_sms(outcome, situation)
        case OutcomeKind.UNKNOWN:
            return Decision(State.UNKNOWN, outcome.code, situation.now + situation.first_look, "sms")
        case _:
            return _retry([outcome], situation, channel="sms") or Decision(State.EXPIRED, outcome.code)


def _after_refused_sms(outcome: Outcome, situation: Situation) -> Decision:
    if outcome.opted_out:
        return choose_again(Decision(State.OPTED_OUT, outcome.code), situation, channel="sms")
    if outcome.contact_lost:
        return choose_again(Decision(State.UNREACHABLE, outcome.code), situation, channel="sms")
    return Decision(State.FAILED, outcome.code)


def _after_accepted_push(situation: Situation, retry: Decision | None) -> Decision:
    """Go on with the devices that have not taken it yet, then wait for the template's patience.

    If an SMS follows after that, the other devices are tried only a few times: the SMS must not wait for them.
    """
    patience = situation.patience
    falls_back = patience is not None and situation.fallback and situation.now + patience < situation.useful_until
    if retry is not None and not (falls_back and situation.tries + 1 >= TRIES_BESIDE_FALLBACK_MAX):
        return Decision(State.AWAITING, retry.reason, retry.next_attempt_at, "push")
    if patience is None or not falls_back:
        return Decision(State.ACCEPTED)
    return Decision(State.AWAITING, "push-accepted", situation.now + patience, "sms")


def _retry(outcomes: Sequence[Outcome], situation: Situation, *, channel: Channel) -> Decision | None:
    """Return the next try, or None if none would come in time.

    What may still succeed is tried until the end of its use, however often that is. Pauses grow, but take at most half of the
    time that is left: a provider that is back shortly before the end is still asked.
    """
    first = outcomes[0]
    wanted_s = max((outcome.retry_after_s or 0 for outcome in outcomes), default=0)
    left = situation.useful_until - situation.now
    if left <= max(_BACKOFF_FIRST, timedelta(seconds=wanted_s)):
        return None
    pause = max(min(backoff(situation.tries, None), left / 2), timedelta(seconds=wanted_s))
    return Decision(State.RETRYING, first.code, situation.now + pause, channel)


def _waits_too_long(retry: Decision, situation: Situation) -> bool:
    """Say whether the pauses of a push, up to and with the next one, are longer than the patience before its SMS.

    Then the SMS goes out at once, also where a provider asks for the whole pause at the first try: until the patience is over
    nothing would be tried, so to wait would spare no SMS.
    """
    waited = sum((backoff(tries, None) for tries in range(situation.tries)), timedelta())
    next_pause = (retry.next_attempt_at or situation.now) - situation.now
    left = situation.useful_until - situation.now
    return waited + next_pause > before_sms(situation.untaken_patience, waited + left)
