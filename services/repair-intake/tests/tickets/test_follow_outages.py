"""What is known of outages: passed versions, endings, scopes in parts."""

import asyncio
import random

from gridcare.events.outages import OutageCancelled, OutageRevised, Scope
from gridcare.known_supply_points.core import supply_point_of
from gridcare.testing.waiting import eventually
from repair_intake.known_outages import store as outage

_WAITS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def _covers(db, supply_point) -> bool:
    async with db.read() as connection:
        return bool(await outage.covering(connection, supply_point_of(supply_point)))


def _parts(cut, version: int, kind=OutageRevised, ids=("A", "B", "C")):
    return [
        cut(kind, version=version, scope=Scope(supply_point_ids=(each,)), part=number, parts=len(ids))
        for number, each in enumerate(ids, start=1)
    ]


async def test_parts_make_one_scope(db, happens, supply_point, cut):
    """A scope in parts covers what all of them name, in any order and however often they come."""
    parts = _parts(cut, 1) * 2
    random.Random(7).shuffle(parts)  # noqa: S311 - any order, the same each time
    await happens(*parts)
    assert [await _covers(db, supply_point(each)) for each in ("A", "B", "C", "D")] == [True, True, True, False]


async def test_a_revision_replaces_the_scope(db, happens, supply_point, cut):
    """A revision's scope replaces the older one with its first part; older parts that come late change nothing."""
    await happens(*_parts(cut, 1))
    await happens(_parts(cut, 2, ids=("C", "D"))[0])
    assert [await _covers(db, supply_point(each)) for each in ("A", "B", "C", "D")] == [False, False, True, False]
    await happens(*_parts(cut, 2, ids=("C", "D")), *_parts(cut, 1))
    assert [await _covers(db, supply_point(each)) for each in ("A", "B", "C", "D")] == [False, False, True, True]


async def test_cancelled_outages_cover_nothing(db, happens, supply_point, cut):
    """A cancelled outage covers nothing, also when earlier events come again."""
    await happens(*_parts(cut, 1), *_parts(cut, 2, OutageCancelled), *_parts(cut, 1), *_parts(cut, 2, OutageCancelled))
    assert not any([await _covers(db, supply_point(each)) for each in ("A", "B", "C")])
    async with db.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM outage_scope") == 0


async def test_narrowing_meets_a_ticket(db, clock, *, happens, supply_point, cut):
    """A revision narrows the scope while a ticket looks for what explains it: the ticket sees the narrow one."""
    await happens(*_parts(cut, 1))
    (revised,) = _parts(cut, 2, ids=("A",))
    async with db.transaction() as revising:
        await outage.lock(revising, revised.outage_id)
        await outage.save(revising, revised, ended=False, at=clock.now())
        await outage.add_scope(revising, revised)
        looking = asyncio.create_task(_covers_in_turn(db, supply_point))
        await eventually(lambda: _waits(db))
    assert await looking == [True, False, False]


async def _covers_in_turn(db, supply_point) -> list[bool]:
    """Look at C while the revision is under way, then at the others."""
    last = await _covers(db, supply_point("C"))
    return [await _covers(db, supply_point("A")), await _covers(db, supply_point("B")), last]


async def _waits(db) -> bool:
    async with db.read() as connection:
        return bool(await connection.fetchval(_WAITS))
