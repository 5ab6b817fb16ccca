"""Tickets through the API: which of them an outage explains, and what is told and published then."""

from datetime import timedelta

import pytest

from gridcare.events.outages import OutageCancelled, OutageRestored, Scope, Window
from gridcare.events.tickets import TicketAttached


async def test_explained(api, happens, supply_point, cut, published):
    """A cut that explains it is told at once with cause, place and end; one TicketAttached is published, nothing else."""
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
    (envelope,) = await published()
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
async def test_every_scope(api, happens, supply_point, cut, scope):
    """A supply point is covered by its feeder, its transformer, its ward and its own id."""
    await happens(supply_point(), cut(scope=scope))
    assert (await api.open()).json()["state"] == "attached"


async def test_not_covered(api, happens, supply_point, cut):
    """A cut of other elements explains nothing, also where an id of another kind is the same."""
    other = Scope(feeder_ids=("TR1", "SP1"), transformer_ids=("FD1",), ward_codes=("SP1",), supply_point_ids=("31117",))
    await happens(supply_point(), cut(scope=other))
    assert (await api.open()).json()["state"] == "open"


async def test_tomorrow(api, happens, supply_point, cut, clock):
    """Tomorrow's cut explains nothing tonight."""
    start = clock.now() + timedelta(hours=14)
    await happens(supply_point(), cut(windows=(Window(start=start, end=start + timedelta(hours=3)),)))
    assert (await api.open()).json()["state"] == "open"


@pytest.mark.parametrize("ending", [OutageCancelled, OutageRestored])
async def test_ended(api, happens, supply_point, cut, ending):
    """A cut that was called off or is over explains nothing, though its window is not."""
    await happens(supply_point(), cut(), cut(ending, version=2))
    assert (await api.open()).json()["state"] == "open"


async def test_fault_inside_a_cut(api, happens, supply_point, cut):
    """A fallen line inside a cut is urgent and dispatched, not explained away."""
    await happens(supply_point(), cut())
    ticket = (await api.open(category="sparks_or_fallen_line")).json()
    assert (ticket["state"], ticket["urgent"]) == ("open", True)
