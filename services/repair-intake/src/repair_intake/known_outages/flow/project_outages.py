"""Follow outages.v1: know which outages are under way or planned, what they cut, and which were called off."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gridcare.events.outages import OutageCancelled, OutageEvent
from gridcare.postgres import outbox
from gridcare.postgres.database import Connection, Database
from gridcare.values.clock import Clock
from repair_intake import NAME
from repair_intake.known_outages import store as outage
from repair_intake.known_outages.core import Step, next_step
from repair_intake.tickets.core.ticket import event_of, released
from repair_intake.tickets.store import ticket


@dataclass(frozen=True, slots=True)
class Happened:
    """An event and when it happened."""

    event: OutageEvent
    at: datetime


async def project_outages(db: Database, clock: Clock, happened: Sequence[Happened]) -> None:
    """Apply events in their order, all in one transaction. One that was applied before does nothing. Raises Retryable."""
    async with db.transaction() as tx:
        for each in happened:
            step = next_step(await outage.lock(tx, each.event.outage_id), each.event)
            await _apply(tx, each, step)
            if step is Step.END and isinstance(each.event, OutageCancelled):
                await _release(tx, each.event.outage_id, clock.now())


async def _apply(tx: Connection, happened: Happened, step: Step) -> None:
    if step in {Step.REPLACE, Step.END}:
        await outage.save(tx, happened.event, ended=step is Step.END, at=happened.at)
    if step in {Step.REPLACE, Step.ADD_PART}:
        await outage.add_scope(tx, happened.event)


async def _release(tx: Connection, outage_id: UUID, now: datetime) -> None:
    """Open the tickets that a cut explained which will not be: where the power is off all the same, that is a fault."""
    opened = [released(each) for each in await ticket.attached_to(tx, outage_id)]
    if not opened:
        return
    await ticket.detach(tx, opened)
    await outbox.append(tx, [event_of(each) for each in opened], source=NAME, now=now)
