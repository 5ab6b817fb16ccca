"""A ticket, and what is published of it."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from gridcare.events.tickets import TicketAttached, TicketEvent, TicketKind, TicketOpened, TicketState
from repair_intake.known_outages.core import Explanation
from repair_intake.tickets.core.category import CategoryName


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A customer's request for work.

    `description` is personal data and stays out of events, logs and this value's repr. `explanation` is what the customer
    was told when the ticket was attached to an outage. `team_id` is None where no team works the ward.
    """

    ticket_id: UUID
    reference: str
    version: int
    state: TicketState
    customer_code: str
    supply_point_id: str
    kind: TicketKind
    category: CategoryName
    urgent: bool
    description: str = field(repr=False)
    client_ref: str | None
    team_id: str | None
    explanation: Explanation | None
    opened_at: datetime
    opened_by: str


def released(ticket: Ticket) -> Ticket:
    """Return the ticket opened after its outage explains it no more. Its team is the one that it was routed to."""
    return replace(ticket, state="open", version=ticket.version + 1, explanation=None)


def event_of(ticket: Ticket) -> TicketEvent:
    """Return the one event that a new or released ticket is published as, so that the customer gets one message."""
    kind = TicketAttached if ticket.state == "attached" else TicketOpened
    explanation = ticket.explanation
    return kind(
        version=ticket.version,
        ticket_id=ticket.ticket_id,
        reference=ticket.reference,
        customer_code=ticket.customer_code,
        supply_point_id=ticket.supply_point_id,
        kind=ticket.kind,
        category=ticket.category,
        state=ticket.state,
        team_id=ticket.team_id,
        outage_id=explanation.outage_id if explanation else None,
        opened_at=ticket.opened_at,
        expected_end_at=explanation.expected_end_at if explanation else None,
    )
