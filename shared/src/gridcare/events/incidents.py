"""`incidents.v1`: several tickets that look like one unplanned outage."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from gridcare.events.envelope import Event, published
from gridcare.events.topics import INCIDENTS, Topic


class IncidentEvent(Event, frozen=True, kw_only=True):
    """The incident's state; keyed by the grid element that the tickets share."""

    topic: ClassVar[Topic] = INCIDENTS
    key_field: ClassVar[str] = "element_id"

    element_id: str
    element_kind: Literal["transformer", "feeder", "ward"]
    incident_id: UUID
    ticket_count: int
    first_ticket_at: datetime


@published
class IncidentSuspected(IncidentEvent, frozen=True, kw_only=True):
    """Enough tickets came from one element."""


@published
class IncidentGrew(IncidentEvent, frozen=True, kw_only=True):
    """More tickets joined."""


@published
class IncidentCleared(IncidentEvent, frozen=True, kw_only=True):
    """It is over, or was none."""
