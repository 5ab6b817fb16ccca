"""Accept a request for a ticket: route it to the team that works its ward, attach it to the outage that explains it."""

from datetime import datetime, timedelta

from gridcare.errors import NotFound, Unavailable
from gridcare.known_supply_points import store as supply_point
from gridcare.known_supply_points.core import SupplyPoint
from gridcare.observability.logging import get_logger
from gridcare.postgres import outbox
from gridcare.postgres.database import Connection
from gridcare.values.ids import uuid7
from repair_intake import NAME
from repair_intake.known_outages import store as outage
from repair_intake.teams.flow import route_ticket
from repair_intake.tickets.core import reference
from repair_intake.tickets.core.category import category_of
from repair_intake.tickets.core.submission import SubmitTicket, Surroundings, decide_submission
from repair_intake.tickets.core.ticket import Ticket, event_of
from repair_intake.tickets.room import Tickets
from repair_intake.tickets.store import ticket

LATELY = timedelta(hours=1)
REFERENCE_DRAWS_MAX = 10
"""With half of all references taken, one submission in a thousand would need more."""

logger = get_logger()


async def submit_ticket(command: SubmitTicket, *, room: Tickets) -> Ticket:
    """Open a ticket, and publish it. A customer's second with the same `client_ref` returns the first, as it is now.

    Raises NotFound `supply-point-not-found` (for another customer's too), Unavailable `no-free-reference`, what
    `decide_submission` raises, and Retryable.
    """
    now = room.clock.now()
    async with room.db.transaction() as tx:
        point = await supply_point.lock(tx, command.supply_point_id)
        if point is None or point.customer_code not in command.customer_codes:
            raise NotFound("supply-point-not-found", "none of your supply points has this id")
        if command.client_ref and (first := await ticket.named(tx, point.customer_code, command.client_ref)):
            return first
        around = await _look_around(tx, point, command, room, now)
        opened = await _open(tx, command, around, room, now)
        await outbox.append(tx, [event_of(opened)], source=NAME, now=now)
    room.db.on_commit(
        lambda: logger.info(
            "ticket_opened", ticket_id=opened.ticket_id, kind=opened.kind, state=opened.state, team_id=opened.team_id
        )
    )
    return opened


async def _look_around(
    tx: Connection, point: SupplyPoint, command: SubmitTicket, room: Tickets, now: datetime
) -> Surroundings:
    """Load what the decision depends on. The supply point is locked, so no other ticket of it is opened meanwhile."""
    counts = await ticket.count(
        tx,
        supply_point_id=point.supply_point_id,
        submitter=command.submitter,
        urgent=category_of(command.kind, command.category).urgent,
        outage_over=now - room.rules.margins.after,
        since=now - LATELY,
    )
    return Surroundings(
        supply_point=point,
        team_id=await route_ticket(tx, point),
        outages=await outage.covering(tx, point),
        counts=counts,
    )


async def _open(tx: Connection, command: SubmitTicket, around: Surroundings, room: Tickets, now: datetime) -> Ticket:
    """Decide, and save the ticket under the first reference drawn that is free."""
    ticket_id = uuid7(now)
    for _ in range(REFERENCE_DRAWS_MAX):
        drawn = reference.spell(room.draw(reference.COUNT))
        opened = decide_submission(command, around, room.rules, ticket_id=ticket_id, reference=drawn, now=now)
        if await ticket.add(tx, opened):
            return opened
    raise Unavailable("no-free-reference", "try again", headers={"Retry-After": "1"})
