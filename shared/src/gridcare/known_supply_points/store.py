"""Table `supply_point`, the projection of supply-points.v1. Each service's migrations create it with these columns.

The row of one that was removed stays, so that an older record that comes late does not bring it back. It names no grid
element and no customer: who asks by these does not meet it; who asks by its id must pass over `removed`.
"""

from collections.abc import Iterable

from gridcare.known_supply_points.core import Change, SupplyPoint
from gridcare.postgres.database import Connection

_COLUMNS = "supply_point_id, customer_code, transformer_id, feeder_id, substation_id, ward_code, version"
# A record that was put aside may be newer than what is known when the tombstone comes, and a tombstone may have no version
# (0): so the times that the utility's system gave its records decide as well.
_PROJECT = f"""
INSERT INTO supply_point AS known ({_COLUMNS}, removed, said_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (supply_point_id) DO UPDATE
SET customer_code = excluded.customer_code, transformer_id = excluded.transformer_id, feeder_id = excluded.feeder_id,
    substation_id = excluded.substation_id, ward_code = excluded.ward_code,
    version = greatest(known.version, excluded.version), removed = excluded.removed,
    said_at = greatest(known.said_at, excluded.said_at)
WHERE CASE
    WHEN excluded.removed THEN
        excluded.said_at >= known.said_at AND (excluded.version = 0 OR excluded.version >= known.version)
    ELSE excluded.version > known.version AND (NOT known.removed OR excluded.said_at >= known.said_at)
END
"""
_LOCK = f"SELECT {_COLUMNS} FROM supply_point WHERE supply_point_id = $1 AND NOT removed FOR NO KEY UPDATE"


async def project(tx: Connection, changes: Iterable[Change]) -> None:
    """Save changes in their order, ignoring those that newer ones have overtaken."""
    await tx.executemany(
        _PROJECT,
        [
            (
                *(p.supply_point_id, p.customer_code, p.transformer_id, p.feeder_id, p.substation_id, p.ward_code),
                *(p.version, change.removed, change.at),
            )
            for change in changes
            for p in (change.supply_point,)
        ],
    )


async def lock(tx: Connection, supply_point_id: str) -> SupplyPoint | None:
    """Return a supply point, locked until the transaction ends, or None if it is not known or was removed."""
    row = await tx.fetchrow(_LOCK, supply_point_id)
    return SupplyPoint(**row) if row else None
