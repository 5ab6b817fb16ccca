"""Tickets through the API: opened, repeated, read, listed, refused."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from gridcare.events.outages import OutageCancelled, OutageRestored, Scope, Window
from gridcare.events.tickets import TicketAttached, TicketOpened
from gridcare.ids import uuid7
from gridcare.testing.http import client_for
from gridcare.testing.logs import captured_logs
from gridcare.testing.waiting import eventually
from repair_intake.core.reference import spell
from repair_intake.inbound.app import build_app

MINE, THEIRS = "PB11010012345", "PB11010054321"
_KEYS_HELD = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def _rows(db, table: str) -> int:
    async with db.read() as connection:
        return await connection.fetchval(f"SELECT count(*) FROM {table}")


async def _nothing_done(db) -> bool:
    return [await _rows(db, table) for table in ("ticket", "outbox", "idempotency")] == [0, 0, 0]


async def test_open(api, happens, supply_point, published, clock):
    """A ticket is answered 201 with its reference, and published once as TicketOpened."""
    await happens(supply_point())
    answer = await api.open(client_ref="app-1")
    assert answer.status_code == 201
    ticket = answer.json()
    assert ticket["reference"].startswith("T-")
    assert (ticket["state"], ticket["explained_by"], ticket["team_id"]) == ("open", None, None)
    assert (ticket["description"], ticket["client_ref"], ticket["customer_code"]) == ("mất điện", "app-1", MINE)
    (envelope,) = await published()
    assert isinstance(envelope.data, TicketOpened)
    assert (envelope.subject, envelope.data.reference) == (ticket["ticket_id"], ticket["reference"])
    assert (envelope.data.opened_at, envelope.data.customer_code) == (clock.now(), MINE)


async def test_description_stays(api, happens, supply_point, db):
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


async def test_routed(api, happens, supply_point):
    """The ticket goes to the team whose area has the supply point's ward."""
    teams = [
        {"team_id": "PB1101", "name": "Ninh Kiều", "ward_codes": ["31117", "31120"]},
        {"team_id": "PB1102", "name": "Bình Thủy", "ward_codes": ["31168"]},
    ]
    await api.call("PUT", "/v1/teams", roles=["ops"], json=teams)
    await happens(supply_point(), supply_point("SP2", ward_code="31168"), supply_point("SP3", ward_code="99999"))
    routed = [(await api.open(supply_point_id=name)).json()["team_id"] for name in ("SP1", "SP2", "SP3")]
    assert routed == ["PB1101", "PB1102", None]


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


async def test_repeat(api, happens, supply_point, *, published, db, clock):
    """The same request again gets the same bytes, whenever, and has no second effect."""
    await happens(supply_point())
    first = await api.open(key="k1")
    clock.move(hours=5)
    again = await api.open(key="k1")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert await _rows(db, "ticket") == 1
    assert len(await published()) == 1


async def test_key_reused(api, happens, supply_point, db):
    """The key of another request is refused with 422."""
    await happens(supply_point())
    await api.open(key="k1")
    answer = await api.open(key="k1", description="khác")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert await _rows(db, "ticket") == 1


async def test_key_of_another_caller(api, happens, supply_point, db):
    """A key is its caller's own: another's same key is another request."""
    await happens(supply_point())
    answers = [await api.open(key="k1", sub=sub) for sub in ("one", "other")]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["ticket_id"] != answers[1].json()["ticket_id"]


async def test_twin(api, happens, supply_point, db):
    """A twin under way is refused with 409, and may come again for the answer."""
    await happens(supply_point())
    async with db.transaction() as tx:
        await tx.execute("SELECT FROM supply_point FOR UPDATE")  # the first request waits here, its key in its hand
        first = asyncio.create_task(api.open(key="k1"))
        await eventually(lambda: tx.fetchval(_KEYS_HELD))
        twin = await api.open(key="k1")
    assert (twin.status_code, twin.json()["code"]) == (409, "idempotency-key-in-use")
    assert twin.headers["retry-after"] == "1"
    assert (await first).status_code == 201
    assert (await api.open(key="k1")).content == (await first).content


async def test_many_at_once(api, happens, supply_point, db):
    """Of ten requests at once for one supply point, five are taken and five refused."""
    await happens(supply_point())
    answers = await asyncio.gather(*(api.open(sub=f"s{number}") for number in range(10)))
    codes = sorted((answer.status_code, answer.json().get("code")) for answer in answers)
    assert codes == [(201, None)] * 5 + [(409, "too-many-open-tickets")] * 5
    assert await _rows(db, "ticket") == 5


async def test_danger_is_counted_apart(api, happens, supply_point):
    """Five tickets that wait do not silence a fallen line."""
    await happens(supply_point())
    for _ in range(5):
        await api.open()
    assert (await api.open()).json()["code"] == "too-many-open-tickets"
    assert (await api.open(category="sparks_or_fallen_line")).status_code == 201


async def test_attached_waits_no_more(api, happens, supply_point, cut, clock):
    """Tickets attached to a cut that is over do not count: the customer may say that it is still dark."""
    await happens(supply_point(), cut())
    for _ in range(5):
        await api.open()
    assert (await api.open()).json()["code"] == "too-many-open-tickets"
    clock.move(hours=2, minutes=31)
    still_dark = await api.open()
    assert (still_dark.status_code, still_dark.json()["state"]) == (201, "open")


async def test_too_many_an_hour(api, happens, supply_point, clock):
    """A sender's twenty-first ticket within an hour is refused with 429; an hour later it is taken."""
    await happens(*(supply_point(f"SP{number}") for number in range(1, 6)))
    sent = [await api.open(supply_point_id=f"SP{1 + number % 5}") for number in range(20)]
    assert {answer.status_code for answer in sent} == {201}
    await happens(supply_point("SP6"))
    refused = await api.open(supply_point_id="SP6")
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-tickets")
    assert refused.headers["retry-after"] == "600"
    clock.move(hours=1)
    assert (await api.open(supply_point_id="SP6")).status_code == 201


async def test_reference_is_taken(services, api, happens, supply_point):
    """A reference that is taken is drawn again; when none is free the caller is told to come back."""
    await happens(supply_point())
    drawn = iter([1, 1, 1, 2, *[1] * 10])
    unlucky = replace(services, intake=replace(services.intake, draw=lambda _: next(drawn)))
    async with client_for(build_app(unlucky)) as client:
        same = replace(api, client=client)
        references = [(await same.open()).json()["reference"] for _ in range(2)]
        refused = await same.open()
    assert references == [spell(1), spell(2)]
    assert (refused.status_code, refused.json()["code"]) == (503, "no-free-reference")


async def test_anothers_supply_point(api, happens, supply_point, db):
    """Another customer's supply point is not found, as one that does not exist, and nothing is done."""
    await happens(supply_point(customer_code=THEIRS))
    for name in ("SP1", "SP404"):
        answer = await api.open(supply_point_id=name)
        assert (answer.status_code, answer.json()["code"]) == (404, "supply-point-not-found")
    assert await _nothing_done(db)


async def test_anothers_ticket(api, happens, supply_point):
    """Another customer's ticket is not found; a dispatcher finds any."""
    await happens(supply_point())
    path = f"/v1/tickets/{(await api.open()).json()['ticket_id']}"
    refused = await api.call("GET", path, codes=[THEIRS])
    assert (refused.status_code, refused.json()["code"]) == (404, "ticket-not-found")
    unknown = await api.call("GET", f"/v1/tickets/{uuid4()}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "ticket-not-found")
    assert (await api.call("GET", path)).status_code == 200
    assert (await api.call("GET", path, roles=["dispatcher"], codes=[])).status_code == 200


async def test_moved_house(api, happens, supply_point):
    """A ticket stays its customer's when the supply point gets another one; the new one opens tickets from then on."""
    await happens(supply_point())
    path = f"/v1/tickets/{(await api.open()).json()['ticket_id']}"
    await happens(supply_point(version=2, customer_code=THEIRS))
    assert (await api.call("GET", path)).status_code == 200
    assert (await api.open()).status_code == 404
    assert (await api.open(codes=[THEIRS])).status_code == 201


async def test_pages(api, happens, supply_point, clock):
    """The list holds the caller's own tickets of all their codes, newest first, each once over its pages."""
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


async def test_no_tickets(api):
    """A customer without tickets, or without codes, gets an empty page."""
    for codes in ([MINE], []):
        assert (await api.call("GET", "/v1/tickets", codes=codes)).json() == {"items": [], "next": None}


@pytest.mark.parametrize("role", ["planner", "dispatcher", "team", "cashier", "accountant", "ops"])
async def test_wrong_role(api, happens, supply_point, db, role):
    """Only a customer opens tickets."""
    await happens(supply_point())
    answer = await api.open(roles=[role])
    assert (answer.status_code, answer.json()["code"]) == (403, "role-missing")
    assert await _nothing_done(db)


async def test_no_token(api):
    """Without a token nothing is told."""
    for method, path in (("POST", "/v1/tickets"), ("GET", "/v1/tickets"), ("GET", f"/v1/tickets/{uuid4()}")):
        assert (await api.client.request(method, path)).status_code == 401


async def test_no_key(api, db):
    """A ticket without an Idempotency-Key is refused: a phone's repeat would open a second."""
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
async def test_bad_body(api, happens, supply_point, db, *, changes, pointer):
    """A wrong, missing or unknown field is refused by its name, its value is not echoed, and nothing is done."""
    await happens(supply_point())
    answer = await api.open(**changes)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert any(pointer in error["pointer"] for error in answer.json()["errors"])
    assert "0912345678" not in answer.text
    assert await _nothing_done(db)


async def test_lone_surrogate(api, happens, supply_point, db):
    """Half a character, which no database keeps, is refused."""
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


async def test_longest_description(api, happens, supply_point):
    """2,000 characters are taken, however many bytes they are."""
    await happens(supply_point())
    answer = await api.open(description="ệ" * 2000)
    assert answer.json()["description"] == "ệ" * 2000


@pytest.mark.parametrize(
    "path", ["/v1/tickets/7", "/v1/tickets?limit=0", "/v1/tickets?limit=201", "/v1/tickets?state=open"]
)
async def test_bad_address(api, path):
    """A malformed id, a limit out of bounds and an unknown filter are refused."""
    assert (await api.call("GET", path)).status_code == 422


async def test_bad_cursor(api):
    """A cursor that is none of ours is refused."""
    answer = await api.call("GET", "/v1/tickets", params={"cursor": "bm90IGpzb24"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-cursor")


async def test_ids_tell_their_time(api, happens, supply_point, clock):
    """A ticket's id is a UUIDv7 of the service's clock, by which the list is ordered."""
    await happens(supply_point())
    ticket_id = UUID((await api.open()).json()["ticket_id"])
    assert ticket_id.version == 7
    assert ticket_id.int >> 80 == uuid7(clock.now()).int >> 80
