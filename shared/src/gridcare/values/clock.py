"""The clock of every process: the machine's clock plus one settable offset.

It tells business time (windows, quiet hours, due times). Leases and rate grants use the database's clock, and tokens the
machine's, because neither may depend on the time that a demo pretends it is.
"""

from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

VIETNAM = timezone(timedelta(hours=7), "ICT")
"""Indochina Time, UTC+7 all year: Vietnam has no daylight saving time."""


class Clock(Protocol):
    """Tells the time as an aware datetime in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock, shifted by `offset_s` seconds (GRIDCARE_CLOCK_OFFSET_S)."""

    def __init__(self, offset_s: float = 0) -> None:
        self._offset = timedelta(seconds=offset_s)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset
