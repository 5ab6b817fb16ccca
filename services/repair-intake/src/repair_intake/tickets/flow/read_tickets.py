"""Read tickets: one by its id, or the newest of some customers."""

from collections.abc import Collection, Sequence
from uuid import UUID

from gridcare.errors import NotFound
from gridcare.events.tickets import TicketState
from gridcare.values.pages import cut_page
from repair_intake.tickets.core.ticket import Ticket
from repair_intake.tickets.room import Tickets
from repair_intake.tickets.store import ticket


async def read_ticket(ticket_id: UUID, *, room: Tickets) -> Ticket:
    """Return a ticket of any customer: the door decides who may see it. Raises NotFound `ticket-not-found`."""
    async with room.db.read() as connection:
        read = await ticket.find(connection, ticket_id)
    if read is None:
        raise NotFound("ticket-not-found", "there is no such thing")
    return read


async def list_tickets(
    customer_codes: Collection[str], *, states: Collection[TicketState], before: UUID | None, limit: int, room: Tickets
) -> tuple[Sequence[Ticket], UUID | None]:
    """Return the newest tickets of these customers that are older than `before`, and where the next page begins.

    Of all states where `states` names none.
    """
    async with room.db.read() as connection:
        tickets = await ticket.page(connection, sorted(customer_codes), states=states, before=before, limit=limit + 1)
    return cut_page(tickets, limit, lambda each: each.ticket_id)
