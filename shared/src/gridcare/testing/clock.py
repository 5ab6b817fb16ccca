"""A clock that stands until a test moves it."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass
class StandingClock:
    """Says `time`, whatever the hour."""

    time: datetime

    def now(self) -> datetime:
        return self.time

    def move(self, **by: float) -> None:
        """Move the clock by what the keywords of timedelta say, such as `minutes=5`."""
        self.time += timedelta(**by)
