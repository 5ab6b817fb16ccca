"""The app's inbox, and its received marks."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from gridcare.values.ids import uuid7
from outage_notifier.ledger.core.delivery import Delivery
from outage_notifier.ledger.store import delivery
from outage_notifier.planning.flow.plan_notice import pack_due_singles, plan_due_notice

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


@pytest.fixture
def received(api):
    """Return a function that marks a delivery as received and returns the status of the answer."""

    async def mark(delivery_id: str, *codes: str) -> int:
        path = f"/v1/deliveries/{delivery_id}/received"
        return (await api.call("POST", path, roles=("customer",), codes=codes or (MINE,))).status_code

    return mark


async def _plan(rooms) -> None:
    while await plan_due_notice(room=rooms.planning) + await pack_due_singles(room=rooms.planning):
        pass


async def _state(db, notice_id: UUID) -> list[tuple[str, str]]:
    async with db.read() as connection:
        rows = await connection.fetch("SELECT state, reason FROM delivery WHERE notice_id = $1", notice_id)
    return [tuple(row) for row in rows]


async def _marks(db) -> list[tuple[str, str]]:
    async with db.read() as connection:
        rows = await connection.fetch("SELECT dedup_key, recipient_id FROM receipt WHERE source = 'app'")
    return [tuple(row) for row in rows]


async def test_message(inbox, world, rooms):
    """A message is listed as the customer reads it: rendered in their language, with its outage and state."""
    await world.customer(MINE, language="en")
    await world.customer(THEIRS)
    outage_id = await world.outage()
    notice_id = await world.notice(outage_id, slots=SLOTS)
    await _plan(rooms)
    [item] = (await inbox()).json()["items"]
    assert item == {
        "delivery_id": f"{notice_id}-1",
        "customer_code": MINE,
        "kind": "announcement",
        "title": "Planned power cut",
        "body": "No power 08:00-11:30 2 Dec 2026 (expected) at KV 5. Reason: bảo trì.",
        "outage_id": str(outage_id),
        "state": "unreachable",
        "due_at": item["due_at"],
    }


async def test_language_is_todays(inbox, world, rooms, api):
    """A message is rendered in the language that the customer has now, not in the one in which it was sent."""
    await world.customer(MINE, language="en")
    await world.notice(await world.outage(), slots=SLOTS)
    await _plan(rooms)
    await api.call("PUT", "/v1/preferences/language", roles=("customer",), codes=(MINE,), json={"language": "vi"})
    assert (await inbox()).json()["items"][0]["title"] == "Thông báo ngừng cung cấp điện"


async def test_pages(inbox, world, rooms, clock):
    """Pages go from the newest to the oldest, each message once, over all of the caller's customers."""
    for code in (MINE, ALSO_MINE, THEIRS):
        await world.customer(code)
    for _ in range(3):
        await world.notice(await world.outage(), slots=SLOTS)
        await _plan(rooms)
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


async def test_not_shown(inbox, world, rooms, db, clock):
    """A delivery that was superseded, or that another customer of the caller covers, is not shown."""
    await world.customer(MINE)
    notice_id = await world.notice(await world.outage(), slots=SLOTS)
    await _plan(rooms)
    for state, covered_by, shown in (("superseded", None, 0), ("covered", ALSO_MINE, 0), ("covered", THEIRS, 1)):
        async with db.transaction() as tx:
            await tx.execute(
                "UPDATE delivery SET state = $2, covered_by = $3 WHERE notice_id = $1", notice_id, state, covered_by
            )
        assert len((await inbox(MINE, ALSO_MINE)).json()["items"]) == shown


async def test_broken_text_hides_nothing(inbox, world, rooms, clock):
    """A message that can no longer be rendered is listed without a text, and the others with theirs."""
    await world.customer(MINE)
    for slots in (SLOTS, {}):
        await world.notice(await world.outage(), slots=slots)
        await _plan(rooms)
        clock.move(minutes=1)
    titles = [item["title"] for item in (await inbox()).json()["items"]]
    assert titles == [None, "Thông báo ngừng cung cấp điện"]


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


async def _awaiting(world, db, rooms, clock) -> UUID:
    """Write a delivery that was pushed and awaits the mark."""
    await world.customer(MINE, devices=["a-device-of-mine"], phones=["+84912345678"])
    notice_id = await world.notice(await world.outage(), slots=SLOTS)
    await _plan(rooms)
    [home] = await world.batches()
    row = Delivery(
        notice_id=notice_id,
        recipient_id=MINE,
        number=1,
        home_batch_id=home,
        language="vi",
        state="awaiting",
        reason="push-accepted",
        channel="push",
        contact="1 device(s)",
        covered_by=None,
        tries=1,
        looks=0,
        next_attempt_at=clock.now() + timedelta(minutes=10),
        next_channel="sms",
        follow_up_batch_id=None,
        recorded_at=clock.now(),
    )
    async with db.transaction() as tx:
        await delivery.record(tx, [row])
    return notice_id


async def test_received(received, world, db, rooms, clock):
    """A mark makes its delivery delivered, in the counts too, and cancels what was to follow; repeats change nothing."""
    notice_id = await _awaiting(world, db, rooms, clock)
    for _ in range(2):
        assert await received(f"{notice_id}-1", THEIRS, MINE) == 204
    assert await world.books(notice_id) == {"delivered": 1}
    async with db.read() as connection:
        row = await connection.fetchrow("SELECT reason, next_attempt_at, next_channel, channel, contact FROM delivery")
    assert tuple(row) == ("received-mark", None, None, "push", "1 device(s)")
    assert await _marks(db) == []


async def test_received_after_the_text(received, world, db, rooms, clock):
    """Where an SMS had followed, the push counts as what arrived, and no part of the phone stays with the delivery."""
    notice_id = await _awaiting(world, db, rooms, clock)
    async with db.transaction() as tx:
        await tx.execute("UPDATE delivery SET channel = 'sms', contact = '*78'")
    assert await received(f"{notice_id}-1") == 204
    async with db.read() as connection:
        assert tuple(await connection.fetchrow("SELECT state, channel, contact FROM delivery")) == (
            "delivered",
            "push",
            "app",
        )


async def test_others_are_not_found(received, world, db, rooms, clock):
    """Another customer's delivery, a wrong number and an unknown notice are not found, and change nothing."""
    notice_id = await _awaiting(world, db, rooms, clock)
    answers = [
        await received(f"{notice_id}-1", THEIRS),
        await received(f"{notice_id}-2"),
        await received(f"{uuid4()}-1"),
        await received(f"{notice_id}-999999999"),
    ]
    assert answers == [404] * 4
    assert await _state(db, notice_id) == [("awaiting", "push-accepted")]
    assert await _marks(db) == []


@pytest.mark.parametrize("delivery_id", ["1", f"{UUID(int=1)}", f"{UUID(int=1)}-0", f"{UUID(int=1)}-1234567890"])
async def test_malformed(received, delivery_id):
    """A text that is no delivery id is refused."""
    assert await received(delivery_id) == 422


@pytest.mark.parametrize("single", [True, False])
async def test_before_its_row(received, world, db, rooms, single):
    """A mark of a push that is under way is kept once; before a sender has claimed the batch the delivery is not found."""
    await world.customer(MINE, devices=["a-device-of-mine"])
    if single:
        event = uuid7(rooms.ledger.clock.now())
        notice_id = await world.notice(
            None, kind="ticket-opened", revision=None, audience_rule="one", recipient_id=MINE, cause_event_id=event
        )
    else:
        notice_id = await world.notice(await world.outage(), slots=SLOTS)
        await _plan(rooms)
    assert await received(f"{notice_id}-1") == 404
    await _plan(rooms)
    async with db.transaction() as tx:
        await tx.execute("UPDATE batch SET attempt = 1")
    assert [await received(f"{notice_id}-1", THEIRS), await received(f"{notice_id}-2")] == [404, 404]
    assert [await received(f"{notice_id}-1") for _ in range(2)] == [204, 204]
    assert await _marks(db) == [(f"{notice_id}-1", MINE)]
