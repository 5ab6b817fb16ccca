"""Tables `outage` and `outage_scope`: the projection of outages.v1."""

from datetime import datetime
from uuid import UUID

from gridcare.events.outages import OutageEvent, Window
from gridcare.postgres.database import Connection
from repair_intake.known_outages.core import CoveringOutage, Progress
from repair_intake.known_supply_points.core import SupplyPoint

_LOCK = "SELECT version, ended FROM outage WHERE outage_id = $1 FOR UPDATE"
_SAVE = """
INSERT INTO outage (outage_id, version, ended, cause, place, starts_at, ends_at, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (outage_id) DO UPDATE
SET version = excluded.version, ended = excluded.ended, cause = excluded.cause, place = excluded.place,
    starts_at = excluded.starts_at, ends_at = excluded.ends_at, changed_at = excluded.changed_at
"""
_ADD_SCOPE = """
INSERT INTO outage_scope (element_kind, element_id, outage_id)
SELECT element_kind, element_id, $1 FROM unnest($2::text[], $3::text[]) AS element (element_kind, element_id)
ON CONFLICT DO NOTHING
"""
_CLEAR_SCOPE = "DELETE FROM outage_scope WHERE outage_id = $1"
_COVERING = """
SELECT outage_id, cause, place, starts_at, ends_at FROM outage
WHERE NOT ended AND outage_id IN (
    SELECT outage_id FROM outage_scope
    WHERE (element_kind, element_id) IN (('supply_point', $1), ('transformer', $2), ('feeder', $3), ('ward', $4))
)
FOR SHARE
"""
_FORGET = "DELETE FROM outage WHERE changed_at < $1 AND NOT EXISTS (SELECT FROM unnest(ends_at) AS e WHERE e >= $1)"


async def lock(tx: Connection, outage_id: UUID) -> Progress | None:
    """Find how far an outage's events were applied, and hold it."""
    row = await tx.fetchrow(_LOCK, outage_id)
    return Progress(row["version"], row["ended"]) if row else None


async def save(tx: Connection, event: OutageEvent, *, ended: bool, at: datetime) -> None:
    """Save an outage's state as of an event that happened `at`, without its scope, which is emptied."""
    await tx.execute(_CLEAR_SCOPE, event.outage_id)
    await tx.execute(
        _SAVE,
        *(event.outage_id, event.version, ended, event.cause, event.place),
        [window.start for window in event.windows],
        [window.end for window in event.windows],
        at,
    )


async def add_scope(tx: Connection, event: OutageEvent) -> None:
    """Add what this event (a part, maybe) says is cut."""
    elements = [
        *(("feeder", element) for element in event.scope.feeder_ids),
        *(("transformer", element) for element in event.scope.transformer_ids),
        *(("ward", element) for element in event.scope.ward_codes),
        *(("supply_point", element) for element in event.scope.supply_point_ids),
    ]
    await tx.execute(_ADD_SCOPE, event.outage_id, [kind for kind, _ in elements], [element for _, element in elements])


async def covering(tx: Connection, supply_point: SupplyPoint) -> tuple[CoveringOutage, ...]:
    """Find the outages that have not ended and whose scope covers a supply point, whenever they are.

    They are held: none can be called off before a ticket that is attached to it is seen (`ticket.attached_to`).
    """
    rows = await tx.fetch(
        _COVERING,
        *(supply_point.supply_point_id, supply_point.transformer_id, supply_point.feeder_id, supply_point.ward_code),
    )
    return tuple(
        CoveringOutage(
            row["outage_id"],
            row["cause"],
            row["place"],
            tuple(Window(start=start, end=end) for start, end in zip(row["starts_at"], row["ends_at"], strict=True)),
        )
        for row in rows
    )


async def forget(tx: Connection, before: datetime) -> int:
    """Delete outages of which nothing happened, and no window ended, since `before`; how many."""
    tag: str = await tx.execute(_FORGET, before)
    return int(tag.split()[1])
