"""The projections: versions that were passed, tombstones, scopes in parts."""

import random

from repair_intake.known_supply_points import store as supply_point
from repair_intake.known_supply_points.core import SupplyPoint
from repair_intake.known_supply_points.flow import project_supply_points

from gridcare.events.outages import OutageCancelled, OutageRevised, Scope
from repair_intake.known_outages import store as outage


def _point(supply_point_id: str, version: int, feeder_id: str = "FD1") -> SupplyPoint:
    return SupplyPoint(supply_point_id, "PB11010012345", "TR1", feeder_id, "31117", version)


async def _known(db, supply_point_id: str) -> SupplyPoint | None:
    async with db.transaction() as tx:
        return await supply_point.lock(tx, supply_point_id)


async def _covers(db, supply_point_id: str) -> bool:
    async with db.read() as connection:
        return bool(await outage.covering(connection, _point(supply_point_id, 1)))


async def test_newest_version(db):
    """A newer version replaces, the same and older ones do nothing."""
    await project_supply_points(db, [_point("SP1", 2, "FD2")])
    await project_supply_points(db, [_point("SP1", 1, "FD1"), _point("SP1", 2, "FD9")])
    assert await _known(db, "SP1") == _point("SP1", 2, "FD2")
    await project_supply_points(db, [_point("SP1", 3, "FD3")])
    assert await _known(db, "SP1") == _point("SP1", 3, "FD3")


async def test_one_call(db):
    """Several changes of one supply point in one call are applied in their order, a tombstone among them."""
    await project_supply_points(
        db, [_point("SP1", 4), _point("SP1", 5), "SP1", _point("SP1", 1), _point("SP2", 1), "SP3"]
    )
    assert await _known(db, "SP1") == _point("SP1", 1)
    assert await _known(db, "SP2") == _point("SP2", 1)


async def test_redelivery(db):
    """Records that come again from anywhere on end in the same state."""
    log = [_point("SP1", 1), _point("SP1", 2), "SP1", _point("SP1", 3), _point("SP2", 1), "SP2"]
    for start in range(len(log)):
        await project_supply_points(db, log)
        await project_supply_points(db, log[start:])
        assert await _known(db, "SP1") == _point("SP1", 3)
        assert await _known(db, "SP2") is None


def _parts(cut, version: int, kind=OutageRevised, ids=("A", "B", "C")):
    return [
        cut(kind, version=version, scope=Scope(supply_point_ids=(each,)), part=number, parts=len(ids))
        for number, each in enumerate(ids, start=1)
    ]


async def test_parts(db, happens, cut):
    """A scope in parts covers what all of them name, in any order and however often they come."""
    parts = _parts(cut, 1) * 2
    random.Random(7).shuffle(parts)  # noqa: S311 - any order, the same each time
    await happens(*parts)
    assert [await _covers(db, each) for each in ("A", "B", "C", "D")] == [True, True, True, False]


async def test_revised_scope(db, happens, cut):
    """A revision's scope replaces the older one with its first part, and older parts that come late change nothing."""
    await happens(*_parts(cut, 1))
    await happens(_parts(cut, 2, ids=("C", "D"))[0])
    assert [await _covers(db, each) for each in ("A", "B", "C", "D")] == [False, False, True, False]
    await happens(*_parts(cut, 2, ids=("C", "D")), *_parts(cut, 1))
    assert [await _covers(db, each) for each in ("A", "B", "C", "D")] == [False, False, True, True]


async def test_ended(db, happens, cut):
    """An outage that was called off covers nothing, also when events of before come again."""
    await happens(*_parts(cut, 1), *_parts(cut, 2, OutageCancelled), *_parts(cut, 1), *_parts(cut, 2, OutageCancelled))
    assert not any([await _covers(db, each) for each in ("A", "B", "C")])
    async with db.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM outage_scope") == 0
