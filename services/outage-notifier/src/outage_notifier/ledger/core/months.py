"""Months: deliveries, batches and attempts are kept in one partition for each, by the time that their ids carry (in UTC)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

Partitioned = Literal["delivery", "batch", "attempt"]

AHEAD_MONTHS: Final = 3
"""How many months to come have their partitions: a worker may stand still for two before anybody notices."""

ADDED_MAX: Final = 24
"""Partitions that one round adds to a table, should a clock jump."""

INDEXED_AFTER: Final = timedelta(days=1)
"""How long after its end a month's deliveries get their index by recipient."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition of a table: ids from `starts_at` (None: from the lowest) until `ends_at`."""

    parent: Partitioned
    name: str
    starts_at: datetime | None
    ends_at: datetime
    indexed: bool


def month_of(at: datetime) -> datetime:
    """Return the first moment of a month."""
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def months_later(month: datetime, number: int) -> datetime:
    """Return the first moment of the month that comes `number` months after `month`, or before it."""
    index = month.year * 12 + month.month - 1 + number
    return month.replace(year=index // 12, month=index % 12 + 1)


def missing(partitions: Sequence[Partition], *, now: datetime) -> list[datetime]:
    """Return the months that one table still needs, after its last partition, without a gap."""
    month = max(partition.ends_at for partition in partitions)
    wanted: list[datetime] = []
    while month <= months_later(month_of(now), AHEAD_MONTHS) and len(wanted) < ADDED_MAX:
        wanted.append(month)
        month = months_later(month, 1)
    return wanted


def months_ahead(partitions: Sequence[Partition], *, now: datetime) -> int:
    """Return for how many months to come every table has its partition; negative when this month's is missing."""
    ends = min(max(p.ends_at for p in partitions if p.parent == parent) for parent in {p.parent for p in partitions})
    this = month_of(now)
    return (ends.year - this.year) * 12 + ends.month - this.month - 1


def expired(partitions: Sequence[Partition], *, kept_months: int, now: datetime) -> list[Partition]:
    """Return the partitions that ended `kept_months` before this month, the oldest first, deliveries before batches."""
    cut = months_later(month_of(now), -kept_months)
    old = [partition for partition in partitions if partition.ends_at <= cut]
    return sorted(old, key=lambda partition: (partition.ends_at, partition.parent != "delivery"))


def to_index(partitions: Sequence[Partition], *, now: datetime) -> list[Partition]:
    """Return the deliveries' partitions that are over and have no index by recipient yet."""
    return [
        partition
        for partition in partitions
        if partition.parent == "delivery" and not partition.indexed and partition.ends_at <= now - INDEXED_AFTER
    ]


def unindexed_since(now: datetime) -> datetime:
    """Return from when on deliveries may have no index by recipient yet; the index is given one more day to be made."""
    return month_of(now - INDEXED_AFTER - timedelta(days=1))
