"""`outages.v1`: planned and unplanned cuts; each event carries the outage's whole public state."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

import msgspec

from gridcare.events.envelope import Event, Unknown, published
from gridcare.events.topics import OUTAGES, Topic

SUPPLY_POINTS_PER_PART_MAX = 2_000
"""An explicit list of supply points is published in numbered parts of at most this many, to keep records small."""


OutageKind = Literal["planned", "unplanned"]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of an outage, from its start to its expected end (aware times)."""

    start: datetime
    end: datetime


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What is cut: the union of these grid elements, wards and supply points."""

    feeder_ids: tuple[str, ...] = ()
    transformer_ids: tuple[str, ...] = ()
    ward_codes: tuple[str, ...] = ()
    supply_point_ids: tuple[str, ...] = ()


class OutageEvent(Event, frozen=True, kw_only=True):
    """The outage's state after the change that the event is named for; `version` counts its published changes.

    A scope with more supply points than SUPPLY_POINTS_PER_PART_MAX is split over `parts` events of the same version,
    numbered from 1 by `part`; each repeats the scope's other fields.
    """

    topic: ClassVar[Topic] = OUTAGES
    key_field: ClassVar[str] = "outage_id"

    outage_id: UUID
    kind: OutageKind | Unknown
    revision: int
    cause: str
    place: str
    windows: tuple[Window, ...]
    scope: Scope
    part: int = 1
    parts: int = 1


@published
class OutagePlanned(OutageEvent, frozen=True, kw_only=True):
    """A planned cut was published."""


@published
class OutageRevised(OutageEvent, frozen=True, kw_only=True):
    """A published cut was changed."""


@published
class OutageCancelled(OutageEvent, frozen=True, kw_only=True):
    """A published cut was cancelled."""


@published
class OutageStarted(OutageEvent, frozen=True, kw_only=True):
    """The power is off."""


@published
class OutageRestored(OutageEvent, frozen=True, kw_only=True):
    """The power is back."""
