"""Months: deliveries, batches and attempts are kept in one partition for each, by the time that their ids carry (in UTC)."""

from datetime import UTC, datetime, timedelta
from typing import Final

INDEXED_AFTER: Final = timedelta(days=1)
"""How long after its end a month's deliveries get their index by recipient."""


def month_of(at: datetime) -> datetime:
    """Return the first moment of a month."""
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def unindexed_since(now: datetime) -> datetime:
    """Return from when on deliveries may have no index by recipient yet; the index is given one more day to be made."""
    return month_of(now - INDEXED_AFTER - timedelta(days=1))
