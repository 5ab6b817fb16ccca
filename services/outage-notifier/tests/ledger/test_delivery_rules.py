"""What follows an outcome, case by case."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outage_notifier.ledger.core.decision import (
    Situation,
    backoff,
    decide_push,
    decide_sms,
    decide_unsent,
)
from outage_notifier.ledger.core.delivery import OPEN, State, raised
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind

NOW = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
TAKEN = Outcome(OutcomeKind.ACCEPTED, message_id="M1")
GONE = Outcome(OutcomeKind.REFUSED, "UNREGISTERED", contact_dead=True)
INVALID = Outcome(OutcomeKind.REFUSED, "INVALID_ARGUMENT")
AGAIN = Outcome(OutcomeKind.RETRY, "UNAVAILABLE", retry_after_s=120)
AWAY_FOR_AN_HOUR = Outcome(OutcomeKind.RETRY, "UNAVAILABLE", retry_after_s=3_600)
BUSY = Outcome(OutcomeKind.RETRY, "UNAVAILABLE")
LOST = Outcome(OutcomeKind.UNKNOWN, "timeout")
OURS = Outcome(OutcomeKind.MISCONFIGURED, "token-refused")
MANY = 300
"""More calls than five days of pauses have room for."""
DEAD = Outcome(OutcomeKind.REFUSED, "21211", contact_dead=True)
STOP = Outcome(OutcomeKind.REFUSED, "21610", opted_out=True)
OUTCOMES = st.sampled_from([TAKEN, GONE, INVALID, AGAIN, LOST, OURS])


def situation(**changes) -> Situation:
    values = {"now": NOW, "useful_until": NOW + timedelta(days=2), "tries": 0, "fallback": False}
    return Situation(**{**values, **changes})


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("outcomes", "changes", "state", "at", "channel"),
    [
        ([TAKEN], {}, State.ACCEPTED, None, None),
        ([GONE, TAKEN], {}, State.ACCEPTED, None, None),
        ([TAKEN, AGAIN], {}, State.AWAITING, after(120), "push"),
        ([AGAIN], {"told_before": True, "tries": 1}, State.AWAITING, after(120), "push"),
        ([TAKEN], {"told_before": True, "tries": 1}, State.ACCEPTED, None, None),
        ([], {"told_before": True}, State.ACCEPTED, None, None),
        ([GONE], {"told_before": True, "fallback": True}, State.ACCEPTED, None, None),
        ([TAKEN, AGAIN], {"tries": MANY}, State.AWAITING, after(1800), "push"),
        ([TAKEN, AGAIN], {"useful_until": after(60)}, State.ACCEPTED, None, None),
        ([TAKEN, LOST], {"patience": timedelta(minutes=30), "fallback": True}, State.AWAITING, after(10), "push"),
        (
            [TAKEN, LOST],
            {"patience": timedelta(minutes=30), "fallback": True, "tries": 3},
            State.AWAITING,
            after(1800),
            "sms",
        ),
        ([TAKEN], {"patience": timedelta(minutes=30)}, State.ACCEPTED, None, None),
        ([TAKEN], {"patience": timedelta(minutes=30), "fallback": True}, State.AWAITING, after(1800), "sms"),
        ([TAKEN], {"patience": timedelta(days=3), "fallback": True}, State.ACCEPTED, None, None),
        ([GONE], {}, State.RETRYING, NOW, "push"),
        ([GONE], {"useful_until": NOW}, State.UNREACHABLE, None, None),
        ([GONE], {"fallback": True}, State.RETRYING, NOW, "sms"),
        ([], {}, State.RETRYING, NOW, "push"),
        ([], {"fallback": True}, State.RETRYING, NOW, "sms"),
        ([INVALID], {}, State.FAILED, None, None),
        ([GONE, INVALID], {}, State.FAILED, None, None),
        ([INVALID], {"fallback": True}, State.RETRYING, NOW, "sms"),
        ([AGAIN], {}, State.RETRYING, after(120), "push"),
        ([AGAIN], {"tries": 5}, State.RETRYING, after(320), "push"),
        ([AGAIN, GONE], {}, State.RETRYING, after(120), "push"),
        ([LOST], {}, State.RETRYING, after(10), "push"),
        ([TAKEN, OURS], {}, State.AWAITING, after(10), "push"),
        ([AGAIN], {"tries": MANY}, State.RETRYING, after(1800), "push"),
        ([AGAIN], {"tries": MANY, "useful_until": after(600)}, State.RETRYING, after(300), "push"),
        ([AGAIN], {"tries": 6, "fallback": True}, State.RETRYING, after(640), "push"),
        ([AGAIN], {"tries": 7, "fallback": True}, State.RETRYING, NOW, "sms"),
        ([LOST], {"tries": 3, "fallback": True, "untaken_patience": timedelta(minutes=2)}, State.RETRYING, NOW, "sms"),
        ([AWAY_FOR_AN_HOUR], {}, State.RETRYING, after(3_600), "push"),
        ([AWAY_FOR_AN_HOUR], {"fallback": True}, State.RETRYING, NOW, "sms"),
        ([LOST], {"tries": 3, "fallback": True, "useful_until": after(300)}, State.RETRYING, after(80), "push"),
        ([LOST], {"tries": 4, "fallback": True, "useful_until": after(200)}, State.RETRYING, NOW, "sms"),
        ([LOST], {"tries": 4, "useful_until": after(200)}, State.RETRYING, after(100), "push"),
        ([LOST], {"useful_until": after(10)}, State.EXPIRED, None, None),
        ([AGAIN], {"useful_until": after(60)}, State.EXPIRED, None, None),
        ([AGAIN], {"useful_until": after(60), "fallback": True}, State.RETRYING, NOW, "sms"),
    ],
)
def test_what_follows_pushes(outcomes, changes, state, at, channel):
    """Each device is to get one, and one is enough to be told; then a retry, then the phone, then the end."""
    decision = decide_push(outcomes, situation(**changes))
    assert (decision.state, decision.next_attempt_at, decision.next_channel) == (state, at, channel)


@pytest.mark.parametrize(
    ("outcome", "changes", "state", "at"),
    [
        (TAKEN, {}, State.ACCEPTED, None),
        (STOP, {}, State.RETRYING, NOW),
        (STOP, {"useful_until": NOW}, State.OPTED_OUT, None),
        (DEAD, {}, State.RETRYING, NOW),
        (DEAD, {"useful_until": NOW}, State.UNREACHABLE, None),
        (INVALID, {}, State.FAILED, None),
        (LOST, {}, State.UNKNOWN, after(90)),
        (AGAIN, {}, State.RETRYING, after(120)),
        (AGAIN, {"tries": MANY}, State.RETRYING, after(1800)),
        (AGAIN, {"useful_until": after(60)}, State.EXPIRED, None),
        (TAKEN, {"told_before": True}, State.ACCEPTED, None),
        (LOST, {"told_before": True}, State.UNKNOWN, after(90)),
        (AGAIN, {"told_before": True}, State.AWAITING, after(120)),
        (STOP, {"told_before": True}, State.AWAITING, NOW),
        (STOP, {"told_before": True, "useful_until": NOW}, State.ACCEPTED, None),
        (INVALID, {"told_before": True}, State.ACCEPTED, None),
    ],
)
def test_what_follows_an_sms(outcome, changes, state, at):
    """An unknown one is looked up, never retried at once; for a lost phone another is chosen; who was told by push stays told."""
    decision = decide_sms(outcome, situation(**changes))
    assert (decision.state, decision.next_attempt_at) == (state, at)


@pytest.mark.parametrize(
    ("changes", "superseded", "held_until", "state"),
    [
        ({}, False, None, None),
        ({}, True, None, State.SUPERSEDED),
        ({"told_before": True}, True, None, State.ACCEPTED),
        ({"useful_until": NOW}, False, None, State.EXPIRED),
        ({"useful_until": NOW, "told_before": True}, False, None, State.ACCEPTED),
        ({}, False, after(3600), State.HELD),
        ({"told_before": True}, False, after(3600), State.AWAITING),
        ({"useful_until": after(3600)}, False, after(3600), None),
    ],
)
def test_why_unsent(changes, superseded, held_until, state):
    """Superseded, too late, or held by quiet hours that do not outlast its use."""
    decision = decide_unsent(situation(**changes), superseded=superseded, held_until=held_until)
    assert (decision.state if decision else None) is state


@pytest.mark.parametrize("away", [timedelta(minutes=30), timedelta(days=4), timedelta(days=4, hours=23, minutes=59)])
@pytest.mark.parametrize("channel", ["push", "sms"])
def test_away_provider_loses_nobody(away, channel):
    """However long a provider is away, somebody is told if it is back before the notice's use ends: five days here."""
    now, end, tries = NOW, NOW + timedelta(days=5), 0
    while now < NOW + away:
        at_now = situation(now=now, useful_until=end, tries=tries)
        decision = decide_push([BUSY], at_now) if channel == "push" else decide_sms(BUSY, at_now)
        assert decision.next_attempt_at is not None
        pause, now, tries = decision.next_attempt_at - now, decision.next_attempt_at, tries + 1
        assert timedelta(seconds=5) <= pause <= timedelta(minutes=30)
    assert now < end
    assert tries < MANY


@given(st.lists(OUTCOMES, max_size=4), st.booleans(), st.integers(0, MANY), st.integers(-1, 7200))
def test_open_means_next_attempt(outcomes, fallback, tries, left_s):
    """An open delivery has a time when it is tried next, and a settled one has none."""
    decision = decide_push(outcomes, situation(fallback=fallback, tries=tries, useful_until=after(left_s)))
    assert (decision.state in OPEN) == (decision.next_attempt_at is not None)
    if decision.next_attempt_at is not None:
        assert NOW <= decision.next_attempt_at < after(max(left_s, 1)) or decision.next_channel == "sms"


@given(st.integers(0, 40), st.one_of(st.none(), st.floats(0, 86_400)))
def test_retry_after_is_obeyed(tries, wanted_s):
    """Retry-After is obeyed, and the doubling has an end."""
    wait = backoff(tries, wanted_s)
    assert wait >= timedelta(seconds=wanted_s or 0)
    assert wait <= max(timedelta(minutes=30), timedelta(seconds=wanted_s or 0))


@given(st.sampled_from(State), st.lists(st.sampled_from([State.ACCEPTED, State.FAILED, State.DELIVERED])), st.randoms())
def test_receipts_in_any_order(current, receipts, random):
    """Shuffled and doubled receipts give what the highest one gives."""
    shuffled = receipts * 2
    random.shuffle(shuffled)

    def fold(states):
        state = current
        for each in states:
            state = raised(state, each)
        return state

    assert fold(shuffled) is fold(receipts)


def test_states_are_closed():
    """Fourteen states, five of them open."""
    assert len(State) == 14
    assert len(OPEN) == 5
    assert set(State) > OPEN
