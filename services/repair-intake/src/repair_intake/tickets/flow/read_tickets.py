"""Read tickets: one by its id, or the newest of some customers."""

from collections.abc import Collection
from uuid import UUID

from gridcare.errors import NotFound
from gridcare.postgres.database import Database
from repair_intake.tickets.core.ticket import Ticket
from repair_intake.tickets.store import ticket


async def read_ticket(db: Database, ticket_id: UUID) -> Ticket:
    """Find a ticket, whoever's it is: the door decides who may see it. Raises NotFound `ticket-not-found`."""
    async with db.read() as connection:
        found = await ticket.find(connection, ticket_id)
    if found is None:
        raise NotFound("ticket-not-found", "there is no such thing")
    return found


async def list_tickets(
    db: Database, customer_codes: Collection[str], *, before: UUID | None, limit: int
) -> tuple[list[Ticket], UUID | None]:
    """List the newest tickets of these customers that are older than `before`; and where the next page goes on."""
    async with db.read() as connection:
        found = await ticket.page(connection, sorted(customer_codes), before=before, limit=limit + 1)
    return found[:limit], found[limit - 1].ticket_id if len(found) > limit else None
