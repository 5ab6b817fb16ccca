"""Table `supply_point`: the projection of supply-points.v1."""

from collections.abc import Iterable

from gridcare.postgres.database import Connection
from repair_intake.known_supply_points.core import SupplyPoint

_LOCK = """
SELECT supply_point_id, customer_code, transformer_id, feeder_id, ward_code, version
FROM supply_point WHERE supply_point_id = $1 FOR NO KEY UPDATE
"""
_PROJECT = """
INSERT INTO supply_point AS known (supply_point_id, customer_code, transformer_id, feeder_id, ward_code, version)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (supply_point_id) DO UPDATE
SET customer_code = excluded.customer_code, transformer_id = excluded.transformer_id,
    feeder_id = excluded.feeder_id, ward_code = excluded.ward_code, version = excluded.version
WHERE known.version < excluded.version
"""
_DELETE = "DELETE FROM supply_point WHERE supply_point_id = ANY($1::text[])"


async def lock(tx: Connection, supply_point_id: str) -> SupplyPoint | None:
    """Find a supply point and hold it: its tickets are counted and opened by one request at a time."""
    row = await tx.fetchrow(_LOCK, supply_point_id)
    return SupplyPoint(**row) if row else None


async def project(tx: Connection, supply_points: Iterable[SupplyPoint]) -> None:
    """Save supply points in their order; a version that was passed changes nothing."""
    await tx.executemany(
        _PROJECT,
        [
            (sp.supply_point_id, sp.customer_code, sp.transformer_id, sp.feeder_id, sp.ward_code, sp.version)
            for sp in supply_points
        ],
    )


async def delete(tx: Connection, supply_point_ids: Iterable[str]) -> None:
    """Forget supply points that are gone."""
    await tx.execute(_DELETE, list(supply_point_ids))
