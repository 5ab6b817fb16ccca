"""Tickets through the API: what is refused and why; nothing is half done."""

import asyncio
from uuid import uuid4

import pytest

THEIRS = "PB11010054321"


async def _rows(db, table: str) -> int:
    async with db.read() as connection:
        return await connection.fetchval(f"SELECT count(*) FROM {table}")


async def _nothing_done(db) -> bool:
    return [await _rows(db, table) for table in ("ticket", "outbox", "idempotency")] == [0, 0, 0]


async def test_of_ten_five_are_taken(api, happens, supply_point, db):
    """Of ten requests at once for one supply point, five are taken and five refused."""
    await happens(supply_point())
    answers = await asyncio.gather(*(api.open(sub=f"s{number}") for number in range(10)))
    codes = sorted((answer.status_code, answer.json().get("code")) for answer in answers)
    assert codes == [(201, None)] * 5 + [(409, "too-many-open-tickets")] * 5
    assert await _rows(db, "ticket") == 5


async def test_danger_is_counted_apart(api, happens, supply_point):
    """Five waiting tickets do not silence a fallen line."""
    await happens(supply_point())
    for _ in range(5):
        await api.open()
    assert (await api.open()).json()["code"] == "too-many-open-tickets"
    assert (await api.open(category="sparks_or_fallen_line")).status_code == 201


async def test_attached_tickets_stop_counting(api, happens, supply_point, cut, clock):
    """Tickets attached to a cut that is over do not count: the customer may report that it is still dark."""
    await happens(supply_point(), cut())
    for _ in range(5):
        await api.open()
    assert (await api.open()).json()["code"] == "too-many-open-tickets"
    clock.move(hours=2, minutes=31)
    still_dark = await api.open()
    assert (still_dark.status_code, still_dark.json()["state"]) == (201, "open")


async def test_twenty_an_hour(api, happens, supply_point, clock):
    """A submitter's twenty-first ticket within an hour is refused with 429; an hour later it is taken."""
    await happens(*(supply_point(f"SP{number}") for number in range(1, 6)))
    sent = [await api.open(supply_point_id=f"SP{1 + number % 5}") for number in range(20)]
    assert {answer.status_code for answer in sent} == {201}
    await happens(supply_point("SP6"))
    refused = await api.open(supply_point_id="SP6")
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-tickets")
    assert refused.headers["retry-after"] == "600"
    clock.move(hours=1)
    assert (await api.open(supply_point_id="SP6")).status_code == 201


async def test_anothers_supply_point_is_hidden(api, happens, supply_point, db):
    """Another customer's supply point is answered like one that does not exist, and nothing is done."""
    await happens(supply_point(customer_code=THEIRS))
    for name in ("SP1", "SP404"):
        answer = await api.open(supply_point_id=name)
        assert (answer.status_code, answer.json()["code"]) == (404, "supply-point-not-found")
    assert await _nothing_done(db)


@pytest.mark.parametrize("role", ["planner", "dispatcher", "team", "cashier", "accountant", "ops"])
async def test_only_customers_open_tickets(api, happens, supply_point, db, role):
    """Only a customer opens tickets."""
    await happens(supply_point())
    answer = await api.open(roles=[role])
    assert (answer.status_code, answer.json()["code"]) == (403, "role-missing")
    assert await _nothing_done(db)


async def test_a_token_is_needed(api):
    """Without a token every request gets 401."""
    for method, path in (("POST", "/v1/tickets"), ("GET", "/v1/tickets"), ("GET", f"/v1/tickets/{uuid4()}")):
        assert (await api.client.request(method, path)).status_code == 401


async def test_a_key_is_needed(api, db):
    """A ticket without an Idempotency-Key is refused: a phone that repeats it would open a second one."""
    answer = await api.call("POST", "/v1/tickets", json={})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-missing")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"supply_point_id": None}, "supply_point_id"),
        ({"supply_point_id": 7}, "supply_point_id"),
        ({"supply_point_id": "SP 1; --"}, "supply_point_id"),
        ({"kind": "party"}, "kind"),
        ({"category": "love"}, "category"),
        ({"description": "x" * 2001}, "description"),
        ({"description": "a\x00b"}, "description"),
        ({"description": None}, "description"),
        ({"client_ref": "two words"}, "client_ref"),
        ({"client_ref": "x" * 65}, "client_ref"),
        ({"phone": "0912345678"}, "phone"),
        ({"state": "closed"}, "state"),
    ],
)
async def test_bad_fields_are_named(api, happens, supply_point, db, *, changes, pointer):
    """A wrong, missing or unknown field is refused by name; its value is not echoed, and nothing is done."""
    await happens(supply_point())
    answer = await api.open(**changes)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert any(pointer in error["pointer"] for error in answer.json()["errors"])
    assert "0912345678" not in answer.text
    assert await _nothing_done(db)


async def test_half_a_character(api, happens, supply_point, db):
    """Half a character (a lone surrogate), which no database can store, is refused."""
    await happens(supply_point())
    body = b'{"supply_point_id": "SP1", "kind": "repair", "category": "no_power", "description": "\\ud800"}'
    answer = await api.call("POST", "/v1/tickets", key="k", content=body)
    assert answer.status_code == 422
    assert await _nothing_done(db)


async def test_category_of_another_kind(api, happens, supply_point, db):
    """A category of another kind is refused, and nothing is done."""
    await happens(supply_point())
    answer = await api.open(kind="installation")
    assert (answer.status_code, answer.json()["code"]) == (422, "category-not-of-kind")
    assert await _nothing_done(db)
