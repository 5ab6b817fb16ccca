"""The projection of supply points: old versions, tombstones, repeated records."""

from datetime import UTC, datetime, timedelta

import pytest

from gridcare.events.supply_points import SupplyPointChanged
from gridcare.known_supply_points import store
from gridcare.known_supply_points.core import Change, SupplyPoint, described, removed
from gridcare.known_supply_points.flow import project_supply_points
from gridcare.postgres.database import Database

TABLE = """
CREATE TABLE supply_point (
    supply_point_id text PRIMARY KEY, customer_code text NOT NULL, transformer_id text NOT NULL, feeder_id text NOT NULL,
    substation_id text NOT NULL, ward_code text NOT NULL, version bigint NOT NULL,
    removed boolean NOT NULL DEFAULT false, said_at timestamptz NOT NULL DEFAULT '-infinity'
)
"""


NOON = datetime(2026, 11, 30, 5, 0, tzinfo=UTC)


@pytest.fixture
async def projection(owner_db) -> Database:
    """Return a database with the table that each service's migrations create."""
    async with owner_db.transaction() as tx:
        await tx.execute(TABLE)
    return owner_db


def _point(supply_point_id: str, version: int, feeder_id: str = "FD1", *, minute: int = 0) -> Change:
    event = SupplyPointChanged(
        version=version,
        supply_point_id=supply_point_id,
        customer_code="PB11010012345",
        transformer_id="TR1",
        feeder_id=feeder_id,
        substation_id="SS1",
        ward_code="31117",
    )
    return described(event, NOON + timedelta(minutes=minute))


def _gone(supply_point_id: str, version: int = 0, *, minute: int = 0) -> Change:
    return removed(supply_point_id, version, NOON + timedelta(minutes=minute))


async def _known(db: Database, supply_point_id: str) -> SupplyPoint | None:
    async with db.transaction() as tx:
        return await store.lock(tx, supply_point_id)


async def test_newest_version_wins(projection):
    """A newer version replaces the stored one; the same or an older one changes nothing."""
    await project_supply_points([_point("SP1", 2, "FD2")], db=projection)
    await project_supply_points([_point("SP1", 1, "FD1"), _point("SP1", 2, "FD9")], db=projection)
    assert await _known(projection, "SP1") == _point("SP1", 2, "FD2").supply_point
    await project_supply_points([_point("SP1", 3, "FD3")], db=projection)
    assert await _known(projection, "SP1") == _point("SP1", 3, "FD3").supply_point


async def test_changes_keep_their_order(projection):
    """Several changes of one supply point in one call, a tombstone among them, are applied in their order."""
    await project_supply_points(
        [_point("SP1", 4), _point("SP1", 5), _gone("SP1"), _point("SP1", 1), _point("SP2", 1), _gone("SP3")],
        db=projection,
    )
    assert await _known(projection, "SP1") is None
    assert await _known(projection, "SP2") == _point("SP2", 1).supply_point


async def test_the_dead_stay_dead(projection):
    """What was said before a tombstone and comes after it changes nothing: known or not, with a version or without."""
    before = [_point("SP1", 2), _point("SP1", 3, minute=1), _point("SP2", 1), _point("SP3", 4)]
    await project_supply_points(
        [before[0], _gone("SP1", minute=2), _gone("SP2", minute=2), _gone("SP3", 5), *before], db=projection
    )
    assert [await _known(projection, each) for each in ("SP1", "SP2", "SP3")] == [None, None, None]


async def test_a_newer_version_revives(projection):
    """A supply point that comes back with a newer version is known again, and an old tombstone does not remove it."""
    await project_supply_points(
        [_point("SP1", 1), _gone("SP1", minute=1), _point("SP1", 2, minute=2), _gone("SP1", minute=1)], db=projection
    )
    await project_supply_points([_point("SP2", 1), _gone("SP2", 2), _point("SP2", 3), _gone("SP2", 2)], db=projection)
    assert await _known(projection, "SP1") == _point("SP1", 2).supply_point
    assert await _known(projection, "SP2") == _point("SP2", 3).supply_point


async def test_the_removed_keep_nothing(projection):
    """Of a removed supply point neither the customer nor the place is kept: who asks by these does not meet it."""
    await project_supply_points([_point("SP1", 4), _gone("SP1")], db=projection)
    async with projection.read() as connection:
        row = await connection.fetchrow("SELECT * FROM supply_point")
    assert row is not None
    assert {name: value for name, value in row.items() if value} == {
        "supply_point_id": "SP1",
        "version": 4,
        "removed": True,
        "said_at": NOON,
    }


async def test_redelivery_changes_nothing(projection):
    """Records that are repeated, from any point on, lead to the same state."""
    log = [
        *(_point("SP1", 1), _point("SP1", 2), _gone("SP1", minute=1), _point("SP1", 3, minute=2)),
        *(_point("SP2", 1), _gone("SP2", 2)),
    ]
    for start in range(len(log)):
        await project_supply_points(log, db=projection)
        await project_supply_points(log[start:], db=projection)
        assert await _known(projection, "SP1") == _point("SP1", 3).supply_point
        assert await _known(projection, "SP2") is None
