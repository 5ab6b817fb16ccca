"""Quiet hours, in Vietnam's time."""

from datetime import datetime, time

import pytest

from gridcare.values.clock import VIETNAM
from outage_notifier.sending.core.quiet_hours import QuietHours


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}:00+07:00")


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("30T20:59", None),
        ("29T21:00", "30T07:00"),
        ("29T23:59", "30T07:00"),
        ("30T00:00", "30T07:00"),
        ("30T06:59", "30T07:00"),
        ("30T07:00", None),
        ("30T12:00", None),
    ],
)
def test_evening_until_morning(now, until):
    """The boundaries belong to the evening's hold and to the morning's release."""
    assert QuietHours().held_until(at(now)) == (at(until) if until else None)


def test_hours_within_a_day():
    """A rest at noon ends the same day."""
    noon = QuietHours(time(12), time(13))
    assert noon.held_until(at("30T12:30")) == at("30T13:00")
    assert noon.held_until(at("30T13:00")) is None


def test_equal_ends_mean_none():
    """00:00-00:00 switches them off."""
    assert QuietHours(time(0), time(0)).held_until(datetime(2026, 11, 30, tzinfo=VIETNAM)) is None
