"""Receipts, pure: names of attempts, the meaning of statuses, when a stray one is looked at again."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outage_notifier.ledger.core.attempt import AttemptName, attempt_name
from outage_notifier.ledger.core.delivery import State, raised
from outage_notifier.providers.twilio.statuses import state_of
from outage_notifier.receipts.core.receipt import GIVEN_UP_AFTER, look_again_at

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
BATCH = UUID("0192f0c1-2345-7000-8000-000000000001")


@given(contact_number=st.integers(0, 2**31 - 1), try_=st.integers(0, 2**31 - 1), batch_id=st.uuids())
def test_name_round_trip(batch_id, contact_number, try_):
    """Batch, contact number and try, and nothing else."""
    name = AttemptName(batch_id, contact_number, try_)
    assert attempt_name(str(name)) == name


@given(st.text(max_size=60))
def test_other_text_is_none(text):
    """Whatever an address may carry, reading it never fails."""
    name = attempt_name(text)
    assert name is None or str(name) == text


@pytest.mark.parametrize(
    "text", [None, "", "..", f"{BATCH}", f"{BATCH}.1", f"{BATCH}.1.2.3", f"{BATCH}.-1.1", f"{BATCH}.1.{2**31}", "x.1.1"]
)
def test_broken_name_is_none(text):
    """Too few parts, too many, out of the columns' range, no UUID."""
    assert attempt_name(text) is None


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("accepted", State.ACCEPTED),
        ("scheduled", State.ACCEPTED),
        ("queued", State.ACCEPTED),
        ("sending", State.ACCEPTED),
        ("sent", State.ACCEPTED),
        ("delivered", State.DELIVERED),
        ("read", State.DELIVERED),
        ("undelivered", State.FAILED),
        ("failed", State.FAILED),
        ("canceled", State.FAILED),
        ("received", None),
        ("", None),
    ],
)
def test_each_status_has_one_state(status, state):
    """Twilio's list; a status that we do not know raises nothing."""
    assert state_of(status) is state


@given(st.permutations(["queued", "sent", "undelivered", "delivered"]), st.sampled_from(list(State)))
def test_any_order_same_state(statuses, start):
    """Accepted < failed < delivered, from every state."""
    state = start
    for status in statuses * 2:
        receipt = state_of(status)
        assert receipt is not None
        state = raised(state, receipt)
    assert state is State.DELIVERED


@pytest.mark.parametrize(
    ("age", "wait"),
    [
        (timedelta(0), timedelta(seconds=1)),
        (timedelta(minutes=2), timedelta(minutes=1)),
        (timedelta(days=2), timedelta(hours=1)),
        (GIVEN_UP_AFTER - timedelta(seconds=1), timedelta(hours=1)),
    ],
)
def test_stray_waits_ever_longer(age, wait):
    """Half its age, from a second to an hour."""
    assert look_again_at(NOW - age, NOW) == NOW + wait


def test_stray_given_up():
    """Seven days and it never will fit."""
    assert look_again_at(NOW - GIVEN_UP_AFTER, NOW) is None
