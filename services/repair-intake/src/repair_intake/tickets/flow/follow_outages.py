"""Follow outages.v1: know what is cut and when, and release the tickets of outages that are cancelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gridcare.events.outages import OutageCancelled, OutageEvent
from gridcare.postgres import outbox
from gridcare.postgres.database import Connection
from repair_intake import NAME
from repair_intake.known_outages import store as outage
from repair_intake.known_outages.core import Effect, effect_of
from repair_intake.tickets.core.ticket import event_of, released
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
            if effect in {Effect.REPLACE, Effect.ADD_PART}:
                await outage.add_scope(tx, event)
            if effect is Effect.END and isinstance(event, OutageCancelled):
                await _release_tickets(tx, event.outage_id, now)


async def _release_tickets(tx: Connection, outage_id: UUID, now: datetime) -> None:
    """Open the tickets of a cut that will not happen: where the power is off all the same, that is a fault."""
    opened = [released(each) for each in await ticket.attached_to(tx, outage_id)]
    if not opened:
        return
    await ticket.detach(tx, opened)
    await outbox.append(tx, [event_of(each) for each in opened], source=NAME, now=now)
