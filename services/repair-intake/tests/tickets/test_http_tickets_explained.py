"""Tickets through the API: which of them an outage explains, and what the customer is told then."""

import asyncio
from datetime import timedelta

import pytest

from gridcare.events.outages import OutageCancelled, OutageRestored, Scope, Window
from gridcare.events.tickets import TicketAttached, TicketOpened
from gridcare.testing.waiting import eventually


async def _waiting(db, sessions: int) -> bool:
    """Say whether exactly so many sessions wait for a lock."""
    async with db.read() as connection:
        waiting = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    return waiting == sessions


async def test_a_cut_explains(api, happens, supply_point, cut, outbox):
    """The answer tells cause, place and end of the cut that explains the ticket; only TicketAttached is published."""
    outage = cut()
    await happens(supply_point(), outage)
    ticket = (await api.open()).json()
    assert ticket["state"] == "attached"
    assert ticket["explained_by"] == {
        "outage_id": str(outage.outage_id),
        "cause": outage.cause,
        "place": outage.place,
        "expected_end_at": outage.windows[0].end.isoformat().replace("+00:00", "Z"),
    }
    (envelope,) = await outbox()
    assert isinstance(envelope.data, TicketAttached)
    assert (envelope.data.outage_id, envelope.data.expected_end_at) == (outage.outage_id, outage.windows[0].end)
    read = await api.call("GET", f"/v1/tickets/{ticket['ticket_id']}")
    assert read.json() == ticket


@pytest.mark.parametrize(
    "scope",
    [
        Scope(feeder_ids=("FD1",)),
        Scope(transformer_ids=("TR9", "TR1")),
        Scope(ward_codes=("31117",)),
        Scope(supply_point_ids=("SP1",)),
    ],
)
async def test_every_kind_of_scope(api, happens, supply_point, cut, scope):
    """A scope covers a supply point by its feeder, its transformer, its ward or its own id."""
    await happens(supply_point(), cut(scope=scope))
    assert (await api.open()).json()["state"] == "attached"


async def test_other_elements_explain_nothing(api, happens, supply_point, cut):
    """A cut of other elements explains nothing, even where an element of another kind has the same id."""
    other = Scope(feeder_ids=("TR1", "SP1"), transformer_ids=("FD1",), ward_codes=("SP1",), supply_point_ids=("31117",))
    await happens(supply_point(), cut(scope=other))
    assert (await api.open()).json()["state"] == "open"


async def test_tomorrows_cut(api, happens, supply_point, cut, clock):
    """Tomorrow's cut explains nothing tonight."""
    start = clock.now() + timedelta(hours=14)
    await happens(supply_point(), cut(windows=(Window(start=start, end=start + timedelta(hours=3)),)))
    assert (await api.open()).json()["state"] == "open"


@pytest.mark.parametrize("ending", [OutageCancelled, OutageRestored])
async def test_ended_cuts_explain_nothing(api, happens, supply_point, cut, ending):
    """A cancelled or restored cut explains nothing, though its window is not over."""
    await happens(supply_point(), cut(), cut(ending, version=2))
    assert (await api.open()).json()["state"] == "open"


async def test_cancellation_opens_tickets(api, happens, supply_point, cut, outbox):
    """When its cut is cancelled, a ticket is opened and published once, however often the event comes."""
    await happens(supply_point(), cut())
    ticket = (await api.open()).json()
    await happens(cut(OutageCancelled, version=2), cut(OutageCancelled, version=2))
    now = (await api.call("GET", f"/v1/tickets/{ticket['ticket_id']}")).json()
    assert (now["state"], now["explained_by"]) == ("open", None)
    attached, opened = await outbox()
    assert isinstance(attached.data, TicketAttached)
    assert isinstance(opened.data, TicketOpened)
    assert (opened.version, opened.subject) == (2, attached.subject)


async def test_cancelled_while_attaching(api, happens, supply_point, cut, db):
    """The cancellation of a cut waits for a ticket that is being attached to it, and then opens the ticket."""
    await happens(supply_point(), cut())
    async with db.transaction() as tx:
        await tx.execute("LOCK TABLE ticket IN SHARE MODE")  # the ticket is decided and cannot be written yet
        opening = asyncio.create_task(api.open())
        await eventually(lambda: _waiting(db, 1))
        cancelling = asyncio.create_task(happens(cut(OutageCancelled, version=2)))
        await eventually(lambda: _waiting(db, 2))
    await cancelling
    ticket = (await opening).json()
    assert ticket["state"] == "attached"
    assert (await api.call("GET", f"/v1/tickets/{ticket['ticket_id']}")).json()["state"] == "open"


async def test_faults_inside_a_cut(api, happens, supply_point, cut):
    """A fallen line inside a cut is urgent and open, not explained away."""
    await happens(supply_point(), cut())
    ticket = (await api.open(category="sparks_or_fallen_line")).json()
    assert (ticket["state"], ticket["urgent"]) == ("open", True)
