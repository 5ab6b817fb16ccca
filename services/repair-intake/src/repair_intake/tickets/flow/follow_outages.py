"""Follow outages.v1: know what is cut and when, and release the tickets that a cut explains no more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gridcare.events.outages import OutageEvent
from gridcare.postgres.database import Connection
from repair_intake.known_outages import store as outage
from repair_intake.known_outages.core import CoveringOutage, Effect, effect_of, explain
from repair_intake.tickets.flow.release_tickets import release_tickets
from repair_intake.tickets.room import Tickets
from repair_intake.tickets.store import ticket


@dataclass(frozen=True, slots=True)
class OutageHappened:
    """An outage's event and when it happened."""

    event: OutageEvent
    at: datetime


async def follow_outages(happened: Sequence[OutageHappened], *, room: Tickets) -> None:
    """Apply events in their order, all in one transaction. Applying one again changes nothing. Raises Retryable."""
    now = room.clock.now()
    async with room.db.transaction() as tx:
        for each in happened:
            event = each.event
            effect = effect_of(event, await outage.lock(tx, event.outage_id))
            if effect in {Effect.REPLACE, Effect.END}:
                await outage.save(tx, event, ended=effect is Effect.END, at=each.at)
            if effect is Effect.END:
                await release_tickets(tx, await ticket.attached_to(tx, event.outage_id), now=now)
            if effect in {Effect.REPLACE, Effect.ADD_PART}:
                await outage.add_scope(tx, event)
                if await outage.see_part(tx, event):
                    await _release_unexplained(tx, event, room, now)


async def _release_unexplained(tx: Connection, event: OutageEvent, room: Tickets, now: datetime) -> None:
    """Release the tickets that a revision, all of whose parts are here, explains no more: by its windows or its scope."""
    attached = await ticket.attached_to(tx, event.outage_id)
    revised = CoveringOutage(event.outage_id, event.cause, event.place, event.windows)
    if attached and explain([revised], room.rules.margins, now):
        uncovered = await outage.uncovered(tx, event.outage_id, [each.supply_point_id for each in attached])
        attached = [each for each in attached if each.supply_point_id in uncovered]
    await release_tickets(tx, attached, now=now)
