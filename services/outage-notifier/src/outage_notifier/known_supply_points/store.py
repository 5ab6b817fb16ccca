"""Table `supply_point`: the projection of supply-points.v1."""

from collections.abc import Iterable
from dataclasses import astuple

from gridcare.postgres.database import Connection
from outage_notifier.known_supply_points.core import SupplyPoint

_PROJECT = """
INSERT INTO supply_point AS known (supply_point_id, customer_code, transformer_id, feeder_id, substation_id,
    ward_code, version)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (supply_point_id) DO UPDATE
SET customer_code = excluded.customer_code, transformer_id = excluded.transformer_id,
    feeder_id = excluded.feeder_id, substation_id = excluded.substation_id,
    ward_code = excluded.ward_code, version = excluded.version
WHERE known.version < excluded.version
"""
_DELETE = "DELETE FROM supply_point WHERE supply_point_id = ANY($1::text[])"


async def project(tx: Connection, supply_points: Iterable[SupplyPoint]) -> None:
    """Save supply points in their order; a version that was passed changes nothing."""
    await tx.executemany(
        _PROJECT,
        [astuple(sp) for sp in supply_points],
    )


async def delete(tx: Connection, supply_point_ids: Iterable[str]) -> None:
    """Forget supply points that are gone."""
    await tx.execute(_DELETE, list(supply_point_ids))
