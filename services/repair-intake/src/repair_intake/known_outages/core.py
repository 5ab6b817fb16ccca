"""Outages as this service knows them: what an event does to that knowledge, and which outage explains a ticket."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from gridcare.events.outages import OutageCancelled, OutageEvent, OutageRestored, Window


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the events of one outage were applied."""

    version: int
    ended: bool


class Step(Enum):
    """What an event does to what is known of its outage."""

    IGNORE = auto()
    REPLACE = auto()
    ADD_PART = auto()
    END = auto()


def next_step(known: Progress | None, event: OutageEvent) -> Step:
    """Decide what an event does.

    The first part of a new version replaces the scope and the others add to it. So between two parts too few supply points
    are known to be cut, never too many: a ticket that is not explained only gets a visit that it did not need.
    """
    if known is not None and (event.version < known.version or (event.version == known.version and known.ended)):
        return Step.IGNORE
    if isinstance(event, OutageCancelled | OutageRestored):
        return Step.END
    if known is not None and event.version == known.version:
        return Step.ADD_PART
    return Step.REPLACE


@dataclass(frozen=True, slots=True)
class CoveringOutage:
    """An outage that has not ended and whose scope covers the supply point in question."""

    outage_id: UUID
    cause: str
    place: str
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class Margins:
    """How long before its start and after its expected end a window still explains (DESIGN.md §6)."""

    before: timedelta
    after: timedelta


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a customer is told at once: which outage it is, why and where, and when the power is expected back."""

    outage_id: UUID
    cause: str
    place: str
    expected_end_at: datetime


def explain(outages: Iterable[CoveringOutage], margins: Margins, now: datetime) -> Explanation | None:
    """Find the outage that explains a ticket opened `now`: now lies within [start - before, expected end + after].

    Of several the one that ends last: the power is not back before.
    """
    found = [
        Explanation(outage.outage_id, outage.cause, outage.place, window.end)
        for outage in outages
        for window in outage.windows
        if window.start - margins.before <= now <= window.end + margins.after
    ]
    return max(found, key=lambda each: (each.expected_end_at, each.outage_id), default=None)
