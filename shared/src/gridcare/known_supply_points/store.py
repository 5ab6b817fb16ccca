"""Table `supply_point`, the projection of supply-points.v1. Each service's migrations create it with these columns."""

from collections.abc import Iterable

from gridcare.known_supply_points.core import SupplyPoint
from gridcare.postgres.database import Connection

_COLUMNS = "supply_point_id, customer_code, transformer_id, feeder_id, substation_id, ward_code, version"
_PROJECT = f"""
INSERT INTO supply_point AS known ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (supply_point_id) DO UPDATE
SET customer_code = excluded.customer_code, transformer_id = excluded.transformer_id, feeder_id = excluded.feeder_id,
    substation_id = excluded.substation_id, ward_code = excluded.ward_code, version = excluded.version
WHERE known.version < excluded.version
"""
_DELETE = "DELETE FROM supply_point WHERE supply_point_id = ANY($1::text[])"
_LOCK = f"SELECT {_COLUMNS} FROM supply_point WHERE supply_point_id = $1 FOR NO KEY UPDATE"


async def project(tx: Connection, supply_points: Iterable[SupplyPoint]) -> None:
    """Save supply points in their order, ignoring versions that are not newer than the stored one."""
    await tx.executemany(
        _PROJECT,
        [
            (p.supply_point_id, p.customer_code, p.transformer_id, p.feeder_id, p.substation_id, p.ward_code, p.version)
            for p in supply_points
        ],
    )


async def delete(tx: Connection, supply_point_ids: Iterable[str]) -> None:
    """Delete supply points that were removed."""
    await tx.execute(_DELETE, list(supply_point_ids))


async def lock(tx: Connection, supply_point_id: str) -> SupplyPoint | None:
    """Return a supply point, locked until the transaction ends, or None if it is not known."""
    row = await tx.fetchrow(_LOCK, supply_point_id)
    return SupplyPoint(**row) if row else None
