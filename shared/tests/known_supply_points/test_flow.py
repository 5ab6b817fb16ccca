"""The projection of supply points: old versions, tombstones, repeated records."""

import pytest

from gridcare.events.supply_points import SupplyPointChanged
from gridcare.known_supply_points import store
from gridcare.known_supply_points.core import SupplyPoint, supply_point_of
from gridcare.known_supply_points.flow import project_supply_points
from gridcare.postgres.database import Database

TABLE = """
CREATE TABLE supply_point (
    supply_point_id text PRIMARY KEY, customer_code text NOT NULL, transformer_id text NOT NULL, feeder_id text NOT NULL,
    substation_id text NOT NULL, ward_code text NOT NULL, version bigint NOT NULL
)
"""


@pytest.fixture
async def projection(db) -> Database:
    """Return a database with the table that each service's migrations create."""
    async with db.transaction() as tx:
        await tx.execute(TABLE)
    return db


def _point(supply_point_id: str, version: int, feeder_id: str = "FD1") -> SupplyPointChanged:
    return SupplyPointChanged(
        version=version,
        supply_point_id=supply_point_id,
        customer_code="PB11010012345",
        transformer_id="TR1",
        feeder_id=feeder_id,
        substation_id="SS1",
        ward_code="31117",
    )


async def _known(db: Database, supply_point_id: str) -> SupplyPoint | None:
    async with db.transaction() as tx:
        return await store.lock(tx, supply_point_id)


async def test_newest_version_wins(projection):
    """A newer version replaces the stored one; the same or an older one changes nothing."""
    await project_supply_points([_point("SP1", 2, "FD2")], db=projection)
    await project_supply_points([_point("SP1", 1, "FD1"), _point("SP1", 2, "FD9")], db=projection)
    assert await _known(projection, "SP1") == supply_point_of(_point("SP1", 2, "FD2"))
    await project_supply_points([_point("SP1", 3, "FD3")], db=projection)
    assert await _known(projection, "SP1") == supply_point_of(_point("SP1", 3, "FD3"))


async def test_changes_keep_their_order(projection):
    """Several changes of one supply point in one call, a tombstone among them, are applied in their order."""
    await project_supply_points(
        [_point("SP1", 4), _point("SP1", 5), "SP1", _point("SP1", 1), _point("SP2", 1), "SP3"], db=projection
    )
    assert await _known(projection, "SP1") == supply_point_of(_point("SP1", 1))
    assert await _known(projection, "SP2") == supply_point_of(_point("SP2", 1))


async def test_redelivery_changes_nothing(projection):
    """Records that are repeated, from any point on, lead to the same state."""
    log = [_point("SP1", 1), _point("SP1", 2), "SP1", _point("SP1", 3), _point("SP2", 1), "SP2"]
    for start in range(len(log)):
        await project_supply_points(log, db=projection)
        await project_supply_points(log[start:], db=projection)
        assert await _known(projection, "SP1") == supply_point_of(_point("SP1", 3))
        assert await _known(projection, "SP2") is None
