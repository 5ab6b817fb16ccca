"""`tickets.v1`: what happens to a customer's request for work. Descriptions and photos stay with repair-intake."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from gridcare.events.envelope import Event, Unknown, published
from gridcare.events.topics import TICKETS, Topic

TicketKind = Literal["repair", "inspection", "installation"]
TicketState = Literal["open", "attached", "assigned", "resolution_proposed", "closed", "cancelled"]


class TicketEvent(Event, frozen=True, kw_only=True):
    """The ticket's public state after the change that the event is named for; `version` counts its changes."""

    topic: ClassVar[Topic] = TICKETS
    key_field: ClassVar[str] = "ticket_id"

    ticket_id: UUID
    reference: str
    """The short number that people quote on the phone, such as `T-7K3M9Q`."""
    customer_code: str
    supply_point_id: str
    kind: TicketKind | Unknown
    category: str
    state: TicketState | Unknown
    team_id: str | None
    outage_id: UUID | None
    opened_at: datetime
    expected_end_at: datetime | None = None
    """When the power is expected back, if an outage explains the ticket."""


@published
class TicketOpened(TicketEvent, frozen=True, kw_only=True):
    """No outage explains the request, or none explains it any more: there is work to do."""


@published
class TicketAttached(TicketEvent, frozen=True, kw_only=True):
    """The request is explained by an outage (`outage_id`) and waits until that ends.

    A request that an outage explains on arrival is published as this event alone, at version 1, without a TicketOpened,
    so the customer is told once.
    """
