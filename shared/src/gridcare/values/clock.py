"""The clock of every process: the machine's, plus one settable offset.

Business time (windows, quiet hours, due times) is read here. Leases and rate grants use the database's clock and tokens
the machine's: neither may depend on what a demo pretends the hour to be.
"""

from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

VIETNAM = timezone(timedelta(hours=7), "ICT")
"""Indochina Time, UTC+7 the whole year: Vietnam keeps no daylight saving time."""


class Clock(Protocol):
    """Says what time it is, as an aware datetime in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock moved by `offset_s` seconds (GRIDCARE_CLOCK_OFFSET_S)."""

    def __init__(self, offset_s: float = 0) -> None:
        self._offset = timedelta(seconds=offset_s)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset
