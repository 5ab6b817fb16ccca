"""Tickets: a customer opens, reads and lists their own; a dispatcher reads any."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from gridcare.events.tickets import TicketKind, TicketState
from gridcare.http.auth import Caller, require
from gridcare.http.body import Body
from gridcare.http.idempotency import idempotent, respond
from gridcare.http.pages import LIMIT_DEFAULT, Cursor, Limit, Page, decode_cursor, encode_cursor
from gridcare.postgres.idempotency import Answer, IdempotentRequest
from gridcare.values.ids import uuid7
from repair_intake.dependencies import Wired
from repair_intake.known_outages.core import Explanation
from repair_intake.tickets.core.category import CategoryName
from repair_intake.tickets.core.submission import Submission
from repair_intake.tickets.core.ticket import Ticket
from repair_intake.tickets.flow.read_tickets import list_tickets, read_ticket
from repair_intake.tickets.flow.submit_ticket import submit_ticket

router = APIRouter(prefix="/v1/tickets", tags=["tickets"])

Customer = Annotated[Caller, Depends(require("customer"))]
Reader = Annotated[Caller, Depends(require("customer", "dispatcher"))]


class TicketIn(Body):
    """A request for work at one of the caller's supply points."""

    supply_point_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    kind: TicketKind
    category: Annotated[CategoryName, Field(description="What it is about; each belongs to one kind.")]
    description: Annotated[str, Field(max_length=2000, description="In the customer's own words.")] = ""
    client_ref: Annotated[str | None, Field(pattern=r"^[!-~]{1,64}$", description="The app's own name for it.")] = None


class ExplanationOut(Body):
    """The outage that explains a ticket, as the customer was told."""

    outage_id: UUID
    cause: str
    place: str
    expected_end_at: datetime


class TicketOut(Body):
    """A ticket. `explained_by` is there when an outage explains it; it is then attached and waits for the outage's end."""

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


@router.post("", status_code=201, response_model=TicketOut)
async def open_ticket(
    who: Customer, asked: TicketIn, once: Annotated[IdempotentRequest, Depends(idempotent)], services: Wired
) -> Response:
    """Open a ticket; an outage that explains it is told at once."""
    submission = Submission(
        ticket_id=uuid7(services.clock.now()),
        sender=who.sub,
        customer_codes=who.customer_codes,
        supply_point_id=asked.supply_point_id,
        kind=asked.kind,
        category=asked.category,
        description=asked.description,
        client_ref=asked.client_ref,
    )
    return respond(await submit_ticket(services.intake, submission, once, answer=_created))


@router.get("/{ticket_id}")
async def get_ticket(who: Reader, ticket_id: UUID, services: Wired) -> TicketOut:
    """Read a ticket."""
    found = await read_ticket(services.db, ticket_id)
    who.must_see(found.customer_code, "ticket-not-found")
    return _out(found)


@router.get("")
async def get_tickets(
    who: Customer, services: Wired, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> Page[TicketOut]:
    """List the caller's own tickets, newest first."""
    before = decode_cursor(cursor, UUID)
    found, following = await list_tickets(services.db, who.customer_codes, before=before, limit=limit)
    return Page(items=[_out(each) for each in found], next=encode_cursor(following) if following else None)


def _created(opened: Ticket) -> Answer:
    return Answer(201, _out(opened).model_dump_json().encode())


def _out(ticket: Ticket) -> TicketOut:
    return TicketOut(
        ticket_id=ticket.ticket_id,
        reference=ticket.reference,
        state=ticket.state,
        customer_code=ticket.customer_code,
        supply_point_id=ticket.supply_point_id,
        kind=ticket.kind,
        category=ticket.category,
        urgent=ticket.urgent,
        description=ticket.description,
        client_ref=ticket.client_ref,
        team_id=ticket.team_id,
        explained_by=_told(ticket.explanation),
        opened_at=ticket.opened_at,
    )


def _told(explanation: Explanation | None) -> ExplanationOut | None:
    if explanation is None:
        return None
    return ExplanationOut(
        outage_id=explanation.outage_id,
        cause=explanation.cause,
        place=explanation.place,
        expected_end_at=explanation.expected_end_at,
    )
