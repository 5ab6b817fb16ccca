"""Look-ups, pure: which message it is, and what follows when there is none."""

from datetime import UTC, datetime, timedelta

import pytest

from outage_notifier.ledger.core.attempt import body_hash
from outage_notifier.ledger.core.delivery import State
from outage_notifier.ledger.core.outcome import ListedMessage
from outage_notifier.receipts.core.look_up import UNMEASURED, decide_not_asked, decide_not_found, fitting, pause_left

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
BETWEEN = timedelta(seconds=90)


def listed(message_id: str, *, body: str = "Cat dien", after_s: float = 0) -> ListedMessage:
    return ListedMessage(message_id, body, "sent", None, NOW + timedelta(seconds=after_s))


def test_same_text_since_the_call():
    """Another text and an older message are somebody else's; a trimmed text is the same one."""
    messages = [
        listed("young", after_s=60),
        listed("other", body="Cat dien!"),
        listed("trimmed", body=" Cat dien\n", after_s=5),
        listed("early"),
        listed("too early", after_s=-1),
    ]
    measured = NOW + timedelta(seconds=0.9)
    for begun_at in (NOW - timedelta(hours=1), NOW + timedelta(hours=1)):
        fits = fitting(messages, text_hash=body_hash("Cat dien"), begun_at=begun_at, not_before=measured)
        assert [message.message_id for message in fits] == ["early", "trimmed", "young"]


def test_unmeasured_clock_is_wide():
    """Before the provider has answered for the first time, only a text of another day is somebody else's."""
    messages = [listed("skewed", after_s=-45), listed("old", after_s=-UNMEASURED.total_seconds() - 1)]
    fits = fitting(messages, text_hash=body_hash("Cat dien"), begun_at=NOW, not_before=None)
    assert [message.message_id for message in fits] == ["skewed"]


def test_order_is_the_providers():
    """Two of the same second are taken as the provider lists them, the older one first."""
    messages = [listed("second"), listed("first")]
    fits = fitting(messages, text_hash=body_hash("Cat dien"), begun_at=NOW, not_before=NOW)
    assert [message.message_id for message in fits] == ["first", "second"]


@pytest.mark.parametrize(
    ("looks", "left_s", "told_before", "state", "at_s"),
    [
        (1, 3600, False, State.UNKNOWN, 90),
        (1, -1, False, State.UNKNOWN, 90),
        (1, 3600, True, State.UNKNOWN, 90),
        (2, 3600, False, State.RETRYING, 0),
        (2, 3600, True, State.AWAITING, 0),
        (2, 0, False, State.EXPIRED, None),
        (2, 0, True, State.ACCEPTED, None),
    ],
)
def test_two_looks_must_agree(looks, left_s, told_before, state, at_s):
    """The first look only asks for a second; then it is sent again while it is of use, never after."""
    decision = decide_not_found(
        looks=looks,
        now=NOW,
        useful_until=NOW + timedelta(seconds=left_s),
        between_looks=BETWEEN,
        told_before=told_before,
    )
    at = None if at_s is None else NOW + timedelta(seconds=at_s)
    assert (decision.state, decision.next_attempt_at) == (state, at)
    assert (decision.next_channel == "sms") == (at is not None)


@pytest.mark.parametrize(
    ("looks", "since_s", "left_s"),
    [(0, None, 0), (0, 5, 0), (1, 0, 90), (1, 89, 1), (1, 90, 0), (1, None, 90), (1, -1, 90)],
)
def test_looks_are_apart(looks, since_s, left_s):
    """The second look counts only when the pause has passed; a distance that is not known is none."""
    since = None if since_s is None else timedelta(seconds=since_s)
    assert pause_left(looks=looks, since_first=since, between_looks=BETWEEN) == timedelta(seconds=left_s)


@pytest.mark.parametrize(("left_s", "state", "at_s"), [(600, State.UNKNOWN, 60), (10, State.UNKNOWN, 10)])
def test_silent_provider_looked_again(left_s, state, at_s):
    """Until the message is of no use, and at that very moment for the last time."""
    decision = decide_not_asked(
        now=NOW, useful_until=NOW + timedelta(seconds=left_s), pause=timedelta(minutes=1), told_before=False
    )
    assert (decision.state, decision.next_attempt_at) == (state, NOW + timedelta(seconds=at_s))


def test_silent_too_long():
    """It is never sent again blindly."""
    decision = decide_not_asked(now=NOW, useful_until=NOW, pause=timedelta(minutes=1), told_before=False)
    assert (decision.state, decision.next_attempt_at) == (State.UNRESOLVED, None)
