"""Quiet hours: messages that can wait are held until the morning, in Vietnam's time."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from gridcare.values.clock import VIETNAM


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` in the evening to `end` in the morning, local time. There are none if both are the same."""

    start: time = time(21, 0)
    end: time = time(7, 0)

    def held_until(self, now: datetime) -> datetime | None:
        """Return the end of the quiet hours that `now` lies in; None outside them."""
        local = now.astimezone(VIETNAM)
        if self.start == self.end:
            return None
        quiet = (
            local.time() >= self.start or local.time() < self.end
            if self.start > self.end
            else self.start <= local.time() < self.end
        )
        if not quiet:
            return None
        day = local.date() if local.time() < self.end else local.date() + timedelta(days=1)
        return datetime.combine(day, self.end, VIETNAM)
