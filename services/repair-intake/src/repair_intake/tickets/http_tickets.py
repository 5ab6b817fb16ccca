"""Tickets: a customer opens, reads and lists their own; a dispatcher reads any."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends
from pydantic import Field

from gridcare.events.tickets import TicketKind, TicketState
from gridcare.http.auth import Caller, Role, require
from gridcare.http.body import Body
from gridcare.http.documents.refusals import Refusal, refuses
from gridcare.http.guard import Router
from gridcare.http.idempotency import IdempotencyKey
from gridcare.http.pages import LIMIT_DEFAULT, Cursor, Limit, Page, decode_cursor, filter_by, page_of
from gridcare.http.rooms import room_of
from gridcare.postgres.idempotency import once
from repair_intake.tickets.core.category import CategoryName
from repair_intake.tickets.core.submission import SubmitTicket
from repair_intake.tickets.core.ticket import Ticket
from repair_intake.tickets.flow.read_tickets import list_tickets, read_ticket
from repair_intake.tickets.flow.submit_ticket import submit_ticket
from repair_intake.tickets.room import Tickets

router = Router(prefix="/v1/tickets", tags=["tickets"])

SEES_ANY: Final[tuple[Role, ...]] = ("dispatcher",)
"""Who may see any customer's tickets."""

Room = Annotated[Tickets, Depends(room_of(Tickets))]
Customer = Annotated[Caller, Depends(require("customer"))]
Reader = Annotated[Caller, Depends(require("customer", any_customer=SEES_ANY))]


TICKET_NOT_FOUND = Refusal(404, "ticket-not-found", "There is no such ticket, or it is another customer's.")
SUPPLY_POINT_NOT_FOUND = Refusal(404, "supply-point-not-found", "None of the caller's supply points has this id.")
TOO_MANY_OPEN_TICKETS = Refusal(
    409, "too-many-open-tickets", "Too many tickets of this supply point are already waiting for work."
)
CATEGORY_NOT_OF_KIND = Refusal(
    422, "category-not-of-kind", "The category does not belong to this kind of ticket; `detail` lists those that do."
)
TOO_MANY_TICKETS = Refusal(429, "too-many-tickets", "The caller opened too many tickets within an hour.")
NO_FREE_REFERENCE = Refusal(503, "no-free-reference", "No free ticket number was found. Try again.")


CLIENT_REF: Final = (
    "The app's own name for it. A customer's second ticket of the same name is the first one, which is returned."
)


class TicketIn(Body):
    """A request for work at one of the caller's supply points."""

    supply_point_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    kind: TicketKind
    category: Annotated[CategoryName, Field(description="What it is about; each belongs to one kind.")]
    description: Annotated[str, Field(max_length=2000, description="In the customer's own words.")] = ""
    client_ref: Annotated[str | None, Field(pattern=r"^[!-~]{1,64}$", description=CLIENT_REF)] = None


class ExplanationOut(Body):
    """The outage that explains a ticket, as the customer was told of it."""

    outage_id: UUID
    cause: str
    place: str
    expected_end_at: datetime


class TicketOut(Body):
    """A ticket. With `explained_by` it is attached to that outage and waits for its end."""

    ticket_id: UUID
    reference: Annotated[str, Field(description="The short number that a person reads out.")]
    state: TicketState
    customer_code: str
    supply_point_id: str
    kind: TicketKind
    category: CategoryName
    urgent: bool
    description: str
    client_ref: str | None
    team_id: Annotated[str | None, Field(description="Null where a dispatcher still chooses the team.")]
    explained_by: ExplanationOut | None
    opened_at: datetime


@router.post("", name="submit_ticket", status_code=201)
@refuses(SUPPLY_POINT_NOT_FOUND, TOO_MANY_OPEN_TICKETS, CATEGORY_NOT_OF_KIND, TOO_MANY_TICKETS, NO_FREE_REFERENCE)
async def post_ticket(who: Customer, body: TicketIn, key: IdempotencyKey, room: Room) -> TicketOut:
    """Open a ticket; when an outage explains it, the answer says so at once."""
    command = SubmitTicket(
        submitter=who.sub,
        customer_codes=who.customer_codes,
        supply_point_id=body.supply_point_id,
        kind=body.kind,
        category=body.category,
        description=body.description,
        client_ref=body.client_ref,
    )
    ticket = await once(key, submit_ticket, command, room=room)
    who.must_see(ticket.customer_code, "supply-point-not-found")  # a kept answer outlives the right to see it
    return _ticket_out(ticket)


@router.get("/{ticket_id}", name="read_ticket")
@refuses(TICKET_NOT_FOUND)
async def get_ticket(who: Reader, ticket_id: UUID, room: Room) -> TicketOut:
    """Read a ticket."""
    ticket = await read_ticket(ticket_id, room=room)
    who.must_see(ticket.customer_code, "ticket-not-found")
    return _ticket_out(ticket)


@router.get("", name="list_tickets")
async def get_tickets(
    who: Customer,
    room: Room,
    states: Annotated[list[TicketState] | None, filter_by("state")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Page[TicketOut]:
    """List the caller's own tickets, newest first."""
    before = decode_cursor(cursor, UUID)
    tickets, following = await list_tickets(
        who.customer_codes, states=states or (), before=before, limit=limit, room=room
    )
    return page_of([_ticket_out(each) for each in tickets], following)


def _ticket_out(ticket: Ticket) -> TicketOut:
    return TicketOut.of(ticket, explained_by=ticket.explanation)
