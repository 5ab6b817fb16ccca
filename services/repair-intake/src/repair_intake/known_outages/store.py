"""Tables `outage` and `outage_scope`: the projection of outages.v1."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from gridcare.events.outages import OutageEvent, Window
from gridcare.known_supply_points.core import SupplyPoint
from gridcare.postgres.database import Connection, Row
from repair_intake.known_outages.core import CoveringOutage, ElementKind, Progress

_LOCK = "SELECT version, ended FROM outage WHERE outage_id = $1 FOR UPDATE"
_SAVE = """
INSERT INTO outage (outage_id, version, ended, cause, place, starts_at, ends_at, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (outage_id) DO UPDATE
SET version = excluded.version, ended = excluded.ended, cause = excluded.cause, place = excluded.place,
    starts_at = excluded.starts_at, ends_at = excluded.ends_at, changed_at = excluded.changed_at, parts_seen = '{}'
"""
_ADD_SCOPE = """
INSERT INTO outage_scope (element_kind, element_id, outage_id)
SELECT element_kind, element_id, $1 FROM unnest($2::text[], $3::text[]) AS element (element_kind, element_id)
ON CONFLICT DO NOTHING
"""
_CLEAR_SCOPE = "DELETE FROM outage_scope WHERE outage_id = $1"
_SEE_PART = """
UPDATE outage SET parts_seen = array_append(parts_seen, $2::integer)
WHERE outage_id = $1 AND $2::integer <> ALL (parts_seen)
RETURNING cardinality(parts_seen) = $3
"""
_UNCOVERED = """
SELECT id FROM unnest($2::text[]) AS id
WHERE NOT EXISTS (
    SELECT FROM supply_point p JOIN outage_scope s ON s.outage_id = $1 AND (s.element_kind, s.element_id) IN (
        ('supply_point', p.supply_point_id), ('transformer', p.transformer_id), ('feeder', p.feeder_id), ('ward', p.ward_code)
    )
    WHERE p.supply_point_id = id AND NOT p.removed
)
"""
_COVERS = """NOT ended AND outage_id IN (
    SELECT outage_id FROM outage_scope
    WHERE (element_kind, element_id) IN (('supply_point', $1), ('transformer', $2), ('feeder', $3), ('ward', $4))
)"""
_HOLD_COVERING = f"SELECT outage_id FROM outage WHERE {_COVERS} FOR SHARE"
_COVERING = f"SELECT outage_id, cause, place, starts_at, ends_at FROM outage WHERE outage_id = ANY($5) AND {_COVERS}"
_KNOWN = (
    "SELECT outage_id, cause, place, starts_at, ends_at FROM outage WHERE NOT ended AND outage_id = ANY($1::uuid[])"
)
_HOLD = f"{_KNOWN} FOR UPDATE"
_FORGET = """
DELETE FROM outage WHERE outage_id = ANY(ARRAY(
    SELECT outage_id FROM outage WHERE changed_at < $1 AND NOT EXISTS (SELECT FROM unnest(ends_at) AS e WHERE e >= $1)
    LIMIT $2 FOR UPDATE SKIP LOCKED))
"""


async def lock(tx: Connection, outage_id: UUID) -> Progress | None:
    """Return how far an outage's events were applied, and hold the outage. Return None when it is not known."""
    row = await tx.fetchrow(_LOCK, outage_id)
    return Progress(**row) if row else None


async def save(tx: Connection, event: OutageEvent, *, ended: bool, at: datetime) -> None:
    """Save an outage as of an event that happened `at`, and empty its scope."""
    await tx.execute(_CLEAR_SCOPE, event.outage_id)
    await tx.execute(
        _SAVE,
        *(event.outage_id, event.version, ended, event.cause, event.place),
        [window.start for window in event.windows],
        [window.end for window in event.windows],
        at,
    )


async def add_scope(tx: Connection, event: OutageEvent) -> None:
    """Add what an event, or this part of it, says is cut."""
    scope = event.scope
    named: dict[ElementKind, tuple[str, ...]] = {
        "feeder": scope.feeder_ids,
        "transformer": scope.transformer_ids,
        "ward": scope.ward_codes,
        "supply_point": scope.supply_point_ids,
    }
    elements = [(kind, element_id) for kind, element_ids in named.items() for element_id in element_ids]
    await tx.execute(_ADD_SCOPE, event.outage_id, [kind for kind, _ in elements], [element for _, element in elements])


async def see_part(tx: Connection, event: OutageEvent) -> bool:
    """Note that a part was applied. Return True when it was the last that lacked, False also when it came again."""
    return bool(await tx.fetchval(_SEE_PART, event.outage_id, event.part, event.parts))


async def uncovered(tx: Connection, outage_id: UUID, supply_point_ids: Sequence[str]) -> set[str]:
    """Return those of the supply points that an outage's scope does not cover, or that are not known."""
    return {row["id"] for row in await tx.fetch(_UNCOVERED, outage_id, supply_point_ids)}


async def covering(tx: Connection, supply_point: SupplyPoint) -> tuple[CoveringOutage, ...]:
    """Return the outages that have not ended and whose scope covers a supply point, whenever their windows are.

    They are held until the transaction ends, so that one that is cancelled meanwhile sees the ticket attached to it.
    """
    place = (supply_point.supply_point_id, supply_point.transformer_id, supply_point.feeder_id, supply_point.ward_code)
    held = [row["outage_id"] for row in await tx.fetch(_HOLD_COVERING, *place)]
    # Read once they are held: a statement that waited for a lock still sees the scope as of its own beginning.
    rows = await tx.fetch(_COVERING, *place, held) if held else []
    return tuple(_covering(row) for row in rows)


async def known(connection: Connection, outage_ids: Collection[UUID]) -> list[CoveringOutage]:
    """Return those of the outages that have not ended."""
    return [_covering(row) for row in await connection.fetch(_KNOWN, list(outage_ids))]


async def hold(tx: Connection, outage_id: UUID) -> list[CoveringOutage]:
    """Return an outage unless it has ended or is not known, and hold it: no event of it is applied meanwhile."""
    return [_covering(row) for row in await tx.fetch(_HOLD, [outage_id])]


async def forget(tx: Connection, before: datetime, *, limit: int) -> int:
    """Delete at most `limit` outages with no event and no window's end since `before`. Return the number of outages."""
    tag: str = await tx.execute(_FORGET, before, limit)
    return int(tag.split()[1])


def _covering(row: Row) -> CoveringOutage:
    windows = zip(row["starts_at"], row["ends_at"], strict=True)
    return CoveringOutage(
        outage_id=row["outage_id"],
        cause=row["cause"],
        place=row["place"],
        windows=tuple(Window(start=start, end=end) for start, end in windows),
    )
