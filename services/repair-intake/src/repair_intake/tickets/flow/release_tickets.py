"""Release tickets that no cut explains any more: where the power is off all the same, that is a fault for their team."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from gridcare.postgres import outbox
from gridcare.postgres.database import Connection
from repair_intake import NAME
from repair_intake.known_outages import store as outage
from repair_intake.known_outages.core import explain
from repair_intake.tickets.core.ticket import Ticket, event_of, released
from repair_intake.tickets.room import Tickets
from repair_intake.tickets.store import ticket

RELEASE_INTERVAL_S: Final = 60.0
"""A minute is nothing beside the margin after an expected end."""


async def release_tickets(tx: Connection, attached: Sequence[Ticket], *, now: datetime) -> None:
    """Open tickets that the caller holds, and publish each."""
    opened = [released(each) for each in attached]
    if not opened:
        return
    await ticket.detach(tx, opened)
    await outbox.append(tx, [event_of(each) for each in opened], source=NAME, now=now)


async def release_passed(*, room: Tickets) -> int:
    """Release the tickets of outages that passed their expected end without an event that says so. Return how many.

    An outage has passed when it would explain no ticket that is opened now: the margin after its windows is over. One that was
    extended meanwhile keeps its tickets. Each outage is a transaction. Raises Retryable.
    """
    async with room.db.read() as connection:
        explaining = await ticket.explaining(connection)
        current = await outage.known(connection, explaining) if explaining else []
    now = room.clock.now()
    present = {each.outage_id for each in current if explain([each], room.rules.margins, now)}
    return sum([await _release_one(outage_id, room) for outage_id in sorted(set(explaining) - present)])


async def _release_one(outage_id: UUID, room: Tickets) -> int:
    now = room.clock.now()
    async with room.db.transaction() as tx:
        if explain(await outage.hold(tx, outage_id), room.rules.margins, now):
            return 0
        attached = await ticket.attached_to(tx, outage_id)
        await release_tickets(tx, attached, now=now)
    return len(attached)
