"""Attached tickets are released when their cut explains them no more, whatever comes twice or late."""

from datetime import timedelta

import pytest

from gridcare.events.outages import OutageCancelled, OutageRestored, OutageRevised, Scope, Window
from gridcare.events.tickets import TicketAttached, TicketOpened

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
