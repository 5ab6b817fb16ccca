"""Follow outages.v1: know which outages are under way or planned, and what they cut."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gridcare.events.outages import OutageEvent
from gridcare.postgres.database import Connection, Database
from repair_intake.core.outage import Step, next_step
from repair_intake.store import outage


@dataclass(frozen=True, slots=True)
class Happened:
    """An event and when it happened."""

    event: OutageEvent
    at: datetime


async def project_outages(db: Database, happened: Sequence[Happened]) -> None:
    """Apply events in their order, all in one transaction. One that was applied before does nothing. Raises Retryable."""
    async with db.transaction() as tx:
        for each in happened:
            await _apply(tx, each.event, each.at)


async def _apply(tx: Connection, event: OutageEvent, at: datetime) -> None:
    step = next_step(await outage.lock(tx, event.outage_id), event)
    if step in {Step.REPLACE, Step.END}:
        await outage.save(tx, event, ended=step is Step.END, at=at)
    if step in {Step.REPLACE, Step.ADD_PART}:
        await outage.add_scope(tx, event)
