"""Tickets through the API: opened, routed, repeated."""

import asyncio
from dataclasses import replace

from gridcare.events.tickets import TicketOpened
from gridcare.testing.http import client_for
from gridcare.testing.logs import captured_logs
from gridcare.testing.waiting import eventually
from repair_intake.app import build_app
from repair_intake.tickets.core.reference import spell

MINE = "PB11010012345"
_KEYS_HELD = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def _rows(db, table: str) -> int:
    async with db.read() as connection:
        return await connection.fetchval(f"SELECT count(*) FROM {table}")


async def test_a_ticket_is_opened(api, happens, supply_point, outbox, clock):
    """A new ticket gets 201 with its reference, and is published once as TicketOpened."""
    await happens(supply_point())
    answer = await api.open(client_ref="app-1")
    assert answer.status_code == 201
    ticket = answer.json()
    assert ticket["reference"].startswith("T-")
    assert (ticket["state"], ticket["explained_by"], ticket["team_id"]) == ("open", None, None)
    assert (ticket["description"], ticket["client_ref"], ticket["customer_code"]) == ("mất điện", "app-1", MINE)
    (envelope,) = await outbox()
    assert isinstance(envelope.data, TicketOpened)
    assert (envelope.subject, envelope.data.reference) == (ticket["ticket_id"], ticket["reference"])
    assert (envelope.data.opened_at, envelope.data.customer_code) == (clock.now(), MINE)


async def test_descriptions_stay_here(api, happens, supply_point, db):
    """The customer's words are in no event, no log line and no problem document."""
    await happens(supply_point())
    with captured_logs() as logs:
        await api.open(description="Nguyễn Canary, 0912345678")
        refused = await api.open(description="Nguyễn Canary, 0912345678", kind="installation")
    async with db.read() as connection:
        row = await connection.fetchrow("SELECT convert_from(value, 'UTF8') AS value, headers::text FROM outbox")
    assert logs.named("ticket_opened")
    for text in (row["value"], row["headers"], logs.text, refused.text):
        assert "Canary" not in text
        assert "0912345678" not in text


async def test_wards_route_tickets(api, happens, supply_point):
    """A ticket goes to the team that works its supply point's ward, if there is one."""
    teams = [
        {"team_id": "PB1101", "name": "Ninh Kiều", "ward_codes": ["31117", "31120"]},
        {"team_id": "PB1102", "name": "Bình Thủy", "ward_codes": ["31168"]},
    ]
    await api.call("PUT", "/v1/teams", roles=["ops"], json=teams)
    await happens(supply_point(), supply_point("SP2", ward_code="31168"), supply_point("SP3", ward_code="99999"))
    routed = [(await api.open(supply_point_id=name)).json()["team_id"] for name in ("SP1", "SP2", "SP3")]
    assert routed == ["PB1101", "PB1102", None]


async def test_a_repeat_changes_nothing(api, happens, supply_point, *, outbox, db, clock):
    """The same request again, hours later, gets the same bytes and has no second effect."""
    await happens(supply_point())
    first = await api.open(key="k1")
    clock.move(hours=5)
    again = await api.open(key="k1")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert await _rows(db, "ticket") == 1
    assert len(await outbox()) == 1


async def test_a_name_is_one_ticket(api, happens, supply_point, *, outbox, db):
    """A customer's second ticket of the same client_ref is the first one, whatever its key, words and supply point."""
    await happens(supply_point(), supply_point("SP2"))
    first = await api.open(client_ref="app-1")
    again = await api.open(client_ref="app-1", supply_point_id="SP2", description="khác")
    assert (again.status_code, again.json()) == (201, first.json())
    assert (await _rows(db, "ticket"), len(await outbox())) == (1, 1)


async def test_names_belong_to_customers(api, happens, supply_point, db):
    """Another customer's ticket of the same client_ref is their own; tickets without one are each their own."""
    await happens(supply_point(), supply_point("SP2", customer_code="PB11010054321"))
    await api.open(client_ref="app-1")
    theirs = await api.open(client_ref="app-1", supply_point_id="SP2", sub="other", codes=["PB11010054321"])
    assert theirs.json()["customer_code"] == "PB11010054321"
    await api.open()
    await api.open()
    assert await _rows(db, "ticket") == 4


async def test_twins_of_a_name(api, happens, supply_point, db):
    """Two tickets of the same client_ref at the same time, at two supply points, are one."""
    await happens(supply_point(), supply_point("SP2"))
    twins = [api.open(client_ref="app-1", supply_point_id=name) for name in ("SP1", "SP2")]
    one, other = await asyncio.gather(*twins)
    assert (one.status_code, one.json()) == (other.status_code, other.json())
    assert await _rows(db, "ticket") == 1


async def test_a_reused_key(api, happens, supply_point, db):
    """A key that was used for another request is refused with 422."""
    await happens(supply_point())
    await api.open(key="k1")
    answer = await api.open(key="k1", description="khác")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert await _rows(db, "ticket") == 1


async def test_keys_belong_to_callers(api, happens, supply_point, db):
    """The same key of another caller is another request."""
    await happens(supply_point())
    answers = [await api.open(key="k1", sub=sub) for sub in ("one", "other")]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["ticket_id"] != answers[1].json()["ticket_id"]


async def test_a_twin_waits(api, happens, supply_point, db):
    """While the first of two equal requests runs, the second gets 409; later it gets the first one's answer."""
    await happens(supply_point())
    async with db.transaction() as tx:
        await tx.execute("SELECT FROM supply_point FOR UPDATE")  # the first request waits here, holding its key
        first = asyncio.create_task(api.open(key="k1"))
        await eventually(lambda: tx.fetchval(_KEYS_HELD))
        twin = await api.open(key="k1")
    assert (twin.status_code, twin.json()["code"]) == (409, "idempotency-key-in-use")
    assert twin.headers["retry-after"] == "1"
    assert (await first).status_code == 201
    assert (await api.open(key="k1")).content == (await first).content


async def test_taken_references(rooms, api, happens, supply_point):
    """In place of a taken reference another is drawn; when none is free, the caller is told to come back."""
    await happens(supply_point())
    drawn = iter([1, 1, 1, 2, *[1] * 10])
    unlucky = replace(rooms, tickets=replace(rooms.tickets, draw=lambda _: next(drawn)))
    async with client_for(build_app(unlucky)) as client:
        same = replace(api, client=client)
        references = [(await same.open()).json()["reference"] for _ in range(2)]
        refused = await same.open()
    assert references == [spell(1), spell(2)]
    assert (refused.status_code, refused.json()["code"]) == (503, "no-free-reference")


async def test_long_descriptions(api, happens, supply_point):
    """A description may have 2,000 characters, however many bytes they are."""
    await happens(supply_point())
    answer = await api.open(description="ệ" * 2000)
    assert answer.json()["description"] == "ệ" * 2000
