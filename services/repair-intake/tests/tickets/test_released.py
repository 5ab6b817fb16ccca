"""Attached tickets are released when their cut explains them no more, whatever comes twice, late or never."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest

from gridcare.events.outages import OutageCancelled, OutageRestored, OutageRevised, Scope, Window
from gridcare.events.tickets import TicketAttached, TicketOpened
from gridcare.testing.waiting import eventually
from repair_intake.known_outages.flow import forget_outages
from repair_intake.known_outages.room import KnownOutages
from repair_intake.tickets.flow.release_tickets import release_passed

TEAM = {"team_id": "PB1101", "name": "Ninh Kiều", "ward_codes": ["31117"]}
ELSEWHERE = Scope(transformer_ids=("TR9",))


@pytest.fixture
async def state(api, happens, supply_point, cut):
    """Attach a ticket of a team to a cut; return a function that reads its state."""
    await api.call("PUT", "/v1/teams", roles=["ops"], json=[TEAM])
    await happens(supply_point(), cut())
    ticket = (await api.open()).json()
    assert (ticket["state"], ticket["team_id"]) == ("attached", "PB1101")

    async def read() -> str:
        now = (await api.call("GET", f"/v1/tickets/{ticket['ticket_id']}")).json()
        assert (now["explained_by"] is None) == (now["state"] == "open")
        return now["state"]

    return read


async def _is_published_once(outbox) -> bool:
    attached, opened = await outbox()
    assert (type(attached.data), type(opened.data)) == (TicketAttached, TicketOpened)
    return (opened.version, opened.subject, opened.data.team_id) == (2, attached.subject, "PB1101")


@pytest.mark.parametrize("ending", [OutageCancelled, OutageRestored])
async def test_endings_release_once(state, happens, cut, outbox, *, ending):
    """When its cut is called off or over, a ticket is open, for its team, and published once, though events repeat."""
    await happens(cut(ending, version=2), cut(ending, version=2), cut(), cut(OutageRevised, version=1, scope=ELSEWHERE))
    assert await state() == "open"
    assert await _is_published_once(outbox)


async def test_another_scope_releases(state, happens, cut, outbox):
    """A revision that covers the supply point no more releases its ticket once, though events repeat and come late."""
    revised = cut(OutageRevised, version=2, scope=ELSEWHERE)
    await happens(revised, revised, cut(), cut(OutageCancelled, version=3))
    assert await state() == "open"
    assert await _is_published_once(outbox)


async def test_another_window_releases(state, happens, cut, clock, outbox):
    """A revision that moves the cut to tomorrow explains nothing tonight."""
    start = clock.now() + timedelta(hours=20)
    await happens(cut(OutageRevised, version=2, windows=(Window(start=start, end=start + timedelta(hours=2)),)))
    assert await state() == "open"
    assert await _is_published_once(outbox)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 2, 2, 1, 3)])
@pytest.mark.parametrize(("named", "becomes"), [("SP1", "attached"), ("SP9", "open")])
async def test_parts_are_awaited(state, happens, cut, outbox, *, order, named, becomes):
    """A scope in parts releases nothing before the last part is here, in any order, and then only what none names."""
    ids = ("A", "B", named)
    parts = {
        n: cut(OutageRevised, version=2, scope=Scope(supply_point_ids=(each,)), part=n, parts=3)
        for n, each in enumerate(ids, start=1)
    }
    for number in order[:-1]:
        await happens(parts[number])
        assert await state() == "attached"
    await happens(parts[order[-1]], *parts.values())
    assert await state() == becomes
    assert len(await outbox()) == (1 if becomes == "attached" else 2)


async def test_late_events_release_nothing(state, happens, cut, outbox, clock):
    """A revision that still covers keeps its ticket, also when it comes again after the window, as do older events."""
    revised = cut(OutageRevised, version=3)
    await happens(revised, cut(OutageRevised, version=2, scope=ELSEWHERE), cut(OutageCancelled, version=2))
    clock.move(hours=9)
    await happens(revised)
    assert await state() == "attached"
    assert len(await outbox()) == 1


@pytest.mark.parametrize("late", [timedelta(0), timedelta(days=1), timedelta(days=60)])
async def test_passed_ends_release_once(state, rooms, db, *, outbox, clock, late):
    """Once a cut's end and the margin after it passed without an event, its ticket is open, though nobody looked for days."""
    clock.move(hours=2, minutes=30)
    assert await release_passed(room=rooms.tickets) == 0
    assert await state() == "attached"
    clock.move(seconds=1 + late.total_seconds())
    await forget_outages(room=KnownOutages(db, clock))
    assert sum(await asyncio.gather(*(release_passed(room=rooms.tickets) for _ in range(3)))) == 1
    assert await release_passed(room=rooms.tickets) == 0
    assert await state() == "open"
    assert await _is_published_once(outbox)


async def test_extended_cuts_keep_tickets(state, rooms, happens, cut, outbox, *, clock):
    """A cut that was extended before its end passed keeps its ticket until the new end has passed."""
    start = clock.now() - timedelta(hours=1)
    await happens(cut(OutageRevised, version=2, windows=(Window(start=start, end=start + timedelta(hours=9)),)))
    clock.move(hours=8)
    assert await release_passed(room=rooms.tickets) == 0
    assert (await state(), len(await outbox())) == ("attached", 1)
    clock.move(hours=1)
    assert await release_passed(room=rooms.tickets) == 1
    assert await _is_published_once(outbox)


async def test_extension_wins_the_race(state, rooms, db, outbox, clock):
    """An extension that is being applied while the worker looks is seen: the worker waits for it and releases nothing."""
    clock.move(hours=3)
    end = clock.now() + timedelta(hours=5)
    async with db.transaction() as tx:
        await tx.execute("UPDATE outage SET ends_at = ARRAY[$1::timestamptz], version = 2", end)
        looking = asyncio.create_task(release_passed(room=rooms.tickets))
        await eventually(partial(_waits, db))
    assert await looking == 0
    assert (await state(), len(await outbox())) == ("attached", 1)


async def _waits(db) -> bool:
    async with db.read() as connection:
        return await connection.fetchval(
            "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')"
        )
