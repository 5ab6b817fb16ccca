"""Outages as this service knows them: what an event changes, and which outage explains a ticket."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Literal
from uuid import UUID

from gridcare.events.outages import OutageCancelled, OutageEvent, OutageRestored, Window

ElementKind = Literal["feeder", "transformer", "ward", "supply_point"]
"""What the scope of an outage names."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the events of one outage were applied."""

    version: int
    ended: bool


class Effect(Enum):
    """What an event does to what is known of its outage."""

    NONE = auto()
    REPLACE = auto()
    ADD_PART = auto()
    END = auto()


def effect_of(event: OutageEvent, known: Progress | None) -> Effect:
    """Decide what an event does to what is known of its outage (None: nothing yet).

    The first part of a new version replaces the scope and the other parts add to it. Between two parts too few supply
    points are known to be cut, never too many: a ticket that goes unexplained costs one needless visit.
    """
    if known is not None and (event.version < known.version or (event.version == known.version and known.ended)):
        return Effect.NONE
    if isinstance(event, OutageCancelled | OutageRestored):
        return Effect.END
    if known is not None and event.version == known.version:
        return Effect.ADD_PART
    return Effect.REPLACE


@dataclass(frozen=True, slots=True)
class CoveringOutage:
    """An outage that has not ended and whose scope covers the supply point in question."""

    outage_id: UUID
    cause: str
    place: str
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class Margins:
    """How long before its start and after its expected end a window still explains a ticket."""

    before: timedelta
    after: timedelta


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a customer is told of the outage that explains their ticket: which, why, where, and its expected end."""

    outage_id: UUID
    cause: str
    place: str
    expected_end_at: datetime


def explain(outages: Iterable[CoveringOutage], margins: Margins, now: datetime) -> Explanation | None:
    """Return the outage that explains a ticket opened `now`: now lies within [start - before, expected end + after].

    Of several, return the one that ends last: the power is not back before.
    """
    explanations = [
        Explanation(outage.outage_id, outage.cause, outage.place, window.end)
        for outage in outages
        for window in outage.windows
        if window.start - margins.before <= now <= window.end + margins.after
    ]
    return max(explanations, key=lambda each: (each.expected_end_at, each.outage_id), default=None)
