"""Tickets through the API: read and listed, by each customer their own."""

from uuid import UUID, uuid4

import pytest

from gridcare.values.ids import uuid7

MINE, THEIRS = "PB11010012345", "PB11010054321"


async def test_anothers_ticket_is_hidden(api, happens, supply_point):
    """Another customer's ticket is not found; a dispatcher finds any."""
    await happens(supply_point())
    path = f"/v1/tickets/{(await api.open()).json()['ticket_id']}"
    refused = await api.call("GET", path, codes=[THEIRS])
    assert (refused.status_code, refused.json()["code"]) == (404, "ticket-not-found")
    unknown = await api.call("GET", f"/v1/tickets/{uuid4()}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "ticket-not-found")
    assert (await api.call("GET", path)).status_code == 200
    assert (await api.call("GET", path, roles=["dispatcher"], codes=[])).status_code == 200


async def test_roles_elsewhere_do_not_count(api, happens, supply_point):
    """A customer who is a cashier too does not read another customer's ticket; one who is a dispatcher does."""
    await happens(supply_point())
    path = f"/v1/tickets/{(await api.open()).json()['ticket_id']}"
    refused = await api.call("GET", path, roles=["customer", "cashier"], codes=[THEIRS])
    assert (refused.status_code, refused.json()["code"]) == (404, "ticket-not-found")
    assert (await api.call("GET", path, roles=["customer", "dispatcher"], codes=[THEIRS])).status_code == 200


async def test_tickets_outlive_a_move(api, happens, supply_point):
    """When a supply point changes hands, its old customer keeps their tickets and the new one opens others."""
    await happens(supply_point())
    path = f"/v1/tickets/{(await api.open()).json()['ticket_id']}"
    await happens(supply_point(version=2, customer_code=THEIRS))
    assert (await api.call("GET", path)).status_code == 200
    assert (await api.open()).status_code == 404
    assert (await api.open(codes=[THEIRS])).status_code == 201


async def test_lists_come_in_pages(api, happens, supply_point, clock):
    """The pages hold the tickets of all the caller's codes, newest first, each once."""
    await happens(
        supply_point(), supply_point("SP2", customer_code="PB11010000002"), supply_point("SP3", customer_code=THEIRS)
    )
    opened = []
    codes = [MINE, "PB11010000002"]
    for number in range(6):
        clock.move(minutes=1)
        opened.append((await api.open(supply_point_id=f"SP{1 + number % 2}", codes=codes)).json()["ticket_id"])
    await api.open(supply_point_id="SP3", codes=[THEIRS])
    seen, pages, cursor = [], 0, {}
    while True:
        page = (await api.call("GET", "/v1/tickets", codes=codes, params={"limit": 2, **cursor})).json()
        seen += [item["ticket_id"] for item in page["items"]]
        pages += 1
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == opened[::-1]
    assert pages == 3


async def test_states_filter_the_list(api, happens, supply_point, clock, *, cut):
    """A list of some states holds these alone, page by page, newest first."""
    await happens(supply_point(), supply_point("SP2", transformer_id="TR2"), cut())
    opened: dict[str, list[str]] = {"SP1": [], "SP2": []}
    for number in range(6):
        clock.move(minutes=1)
        name = f"SP{1 + number % 2}"
        opened[name].append((await api.open(supply_point_id=name)).json()["ticket_id"])

    async def listed(*states: str) -> list[str]:
        seen, cursor = [], {}
        while True:
            page = (await api.call("GET", "/v1/tickets", params={"state": states, "limit": 2, **cursor})).json()
            seen += [item["ticket_id"] for item in page["items"]]
            if page["next"] is None:
                return seen
            cursor = {"cursor": page["next"]}

    assert await listed("attached") == opened["SP1"][::-1]
    assert await listed("open", "closed") == opened["SP2"][::-1]
    assert await listed("open", "attached") == await listed()
    assert await listed("cancelled") == []


async def test_no_tickets(api):
    """A customer without tickets, or without codes, gets an empty page."""
    for codes in ([MINE], []):
        assert (await api.call("GET", "/v1/tickets", codes=codes)).json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    "path",
    ["/v1/tickets/7", "/v1/tickets?limit=0", "/v1/tickets?limit=201", "/v1/tickets?state=shut", "/v1/tickets?kind=x"],
)
async def test_bad_addresses_are_refused(api, path):
    """A malformed id, a limit out of bounds, an unknown state and an unknown filter are refused."""
    assert (await api.call("GET", path)).status_code == 422


async def test_a_bad_cursor(api):
    """A cursor that the service did not write is refused."""
    answer = await api.call("GET", "/v1/tickets", params={"cursor": "bm90IGpzb24"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-cursor")


async def test_ids_hold_their_time(api, happens, supply_point, clock):
    """A ticket's id is a UUIDv7 of the service's clock; the list is ordered by it."""
    await happens(supply_point())
    ticket_id = UUID((await api.open()).json()["ticket_id"])
    assert ticket_id.version == 7
    assert ticket_id.int >> 80 == uuid7(clock.now()).int >> 80
