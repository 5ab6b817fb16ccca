"""The app's inbox."""

import pytest

MINE, ALSO_MINE, THEIRS = "PB11010012345", "PB11010012346", "PB11010054321"
SLOTS = {
    "place": "KV 5",
    "cause": "bảo trì",
    "windows": [["2026-12-02T01:00:00+00:00", "2026-12-02T04:30:00+00:00"]],
}


@pytest.fixture
def inbox(api):
    """Return a function that reads the inbox of some customers."""

    async def read(*codes: str, **query):
        return await api.call("GET", "/v1/inbox", roles=("customer",), codes=codes or (MINE,), params=query)

    return read


async def test_messages_are_rendered(inbox, world, plan):
    """A message is listed as the customer reads it: rendered in their language, with its outage and state."""
    await world.customer(MINE, language="en")
    await world.customer(THEIRS)
    outage_id = await world.outage()
    notice_id = await world.notice(outage_id, slots=SLOTS)
    await plan()
    [item] = (await inbox()).json()["items"]
    assert item == {
        "delivery_id": f"{notice_id}-1",
        "customer_code": MINE,
        "kind": "announcement",
        "title": "Planned power cut",
        "body": "No power 08:00-11:30 2 Dec 2026 (expected) at KV 5. Reason: bảo trì.",
        "outage_id": str(outage_id),
        "ticket_id": None,
        "bill_id": None,
        "payment_id": None,
        "link": f"gridcare://outages/{outage_id}",
        "state": "unreachable",
        "due_at": item["due_at"],
    }


async def test_language_is_todays(inbox, world, plan, api):
    """A message is rendered in the language that the customer has now, not in the one in which it was sent."""
    await world.customer(MINE, language="en")
    await world.notice(await world.outage(), slots=SLOTS)
    await plan()
    await api.call("PUT", "/v1/preferences/language", roles=("customer",), codes=(MINE,), json={"language": "vi"})
    assert (await inbox()).json()["items"][0]["title"] == "Thông báo ngừng cung cấp điện"


async def test_pages_are_newest_first(inbox, world, plan, clock):
    """Pages go from the newest to the oldest, each message once, over all of the caller's customers."""
    for code in (MINE, ALSO_MINE, THEIRS):
        await world.customer(code)
    for _ in range(3):
        await world.notice(await world.outage(), slots=SLOTS)
        await plan()
        clock.move(minutes=1)
    seen, cursor = [], None
    for _ in range(4):
        page = (await inbox(MINE, ALSO_MINE, limit=2, **({"cursor": cursor} if cursor else {}))).json()
        seen += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == 6
    assert len({item["delivery_id"] for item in seen}) == 6
    assert {item["customer_code"] for item in seen} == {MINE, ALSO_MINE}
    assert [item["due_at"] for item in seen] == sorted((item["due_at"] for item in seen), reverse=True)


async def test_not_shown(inbox, world, plan, db, clock):
    """A delivery that was superseded, or that another customer of the caller covers, is not shown."""
    for code in (MINE, THEIRS):
        await world.customer(code)
    notice_id = await world.notice(await world.outage(), slots=SLOTS)
    await plan()
    for state, covered_by, shown in (("superseded", None, 0), ("covered", ALSO_MINE, 0), ("covered", THEIRS, 1)):
        async with db.transaction() as tx:
            await tx.execute(
                "UPDATE delivery SET state = $2, covered_by = $3 WHERE notice_id = $1 AND recipient_id = $4",
                *(notice_id, state, covered_by, MINE),
            )
        assert len((await inbox(MINE, ALSO_MINE)).json()["items"]) == shown


@pytest.mark.parametrize(
    ("of_owner", "shown"),
    [
        *[(None, None), ("held", "held"), ("retrying", "retrying"), ("unknown", "unknown"), ("accepted", "accepted")],
        *[("delivered", "delivered"), ("awaiting", "retrying"), ("failed", "retrying"), ("covered", "retrying")],
    ],
)
async def test_covered_tells_of_nobody(inbox, world, plan, db, *, of_owner, shown):
    """A message that another customer's covers is shown as if it went to the number itself: nothing says whose that is."""
    for code in (MINE, THEIRS):
        await world.customer(code, phones=["+84912345601"])
    notice_id = await world.notice(await world.outage(), slots=SLOTS)
    await plan()
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT recipient_id FROM delivery WHERE covered_by IS NOT NULL") == THEIRS
        if of_owner:
            await tx.execute(
                "INSERT INTO delivery (notice_id, recipient_id, number, home_batch_id, language, state, reason, channel,"
                " contact, tries, next_attempt_at, recorded_at) SELECT notice_id, $2, 1, home_batch_id, 'vi', $3, '', 'sms', '',"
                " 1, CASE WHEN $3 = ANY('{held,retrying,unknown,awaiting}'::text[]) THEN now() END, now()"
                " FROM delivery WHERE notice_id = $1",
                *(notice_id, MINE, of_owner),
            )
    items = (await inbox(THEIRS)).json()["items"]
    assert [item["state"] for item in items] == ([shown] if shown else [])


async def test_broken_text_hides_nothing(inbox, world, plan, clock):
    """A message that can no longer be rendered is listed without a text, and the others with theirs."""
    await world.customer(MINE)
    for slots in (SLOTS, {}):
        await world.notice(await world.outage(), slots=slots)
        await plan()
        clock.move(minutes=1)
    titles = [item["title"] for item in (await inbox()).json()["items"]]
    assert titles == [None, "Thông báo ngừng cung cấp điện"]


async def test_a_retired_kind_hides_nothing(inbox, world, plan, clock, db):
    """A message of a kind that this release has no template for is listed as `unknown`, without a text."""
    await world.customer(MINE)
    for _ in range(2):
        retired = await world.notice(await world.outage(), slots=SLOTS)
        await plan()
        clock.move(minutes=1)
    async with db.transaction() as tx:
        await tx.execute("UPDATE notice SET kind = 'retired', template = 'retired' WHERE notice_id = $1", retired)
    shown = [(item["kind"], item["title"]) for item in (await inbox()).json()["items"]]
    assert shown == [("unknown", None), ("announcement", "Thông báo ngừng cung cấp điện")]


@pytest.mark.parametrize("cursor", ["bm8", "W10", "WyIxIiwxXQ"])
async def test_foreign_cursor(inbox, cursor):
    """A cursor that this service did not make is refused."""
    answer = await inbox(cursor=cursor)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-cursor")


async def test_nobody_in_particular(inbox, api):
    """A token that names no customer has an empty inbox; staff have none."""
    answer = await api.call("GET", "/v1/inbox", roles=("customer",))
    assert answer.json() == {"items": [], "next": None}
    assert (await api.call("GET", "/v1/inbox")).status_code == 403
