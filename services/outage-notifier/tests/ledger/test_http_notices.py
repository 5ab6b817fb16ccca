"""Notices by HTTP: how far they are, and what became of each delivery."""

import asyncio
from uuid import uuid4

import pytest

from gridcare.http.pages import encode_cursor
from outage_notifier.ledger.core.delivery import State
from outage_notifier.ledger.flow.complete_notices import complete_notices
from outage_notifier.ledger.store import delivery
from outage_notifier.planning.flow.plan_notice import plan_due_notice

CODES = [f"PB1101000{n:04}" for n in range(5)]


async def record(world, state: str, *, batches: str = "state = 'ready'") -> None:
    """Record every member of some batches in a state, as a sender would."""
    for batch_id in await world.batches(batches):
        async with world.db.transaction() as tx:
            rows = await tx.fetch(
                "SELECT notice_id, m->>1 AS code, (m->>0)::int AS number, channel FROM batch,"
                " jsonb_array_elements(members) AS m WHERE batch_id = $1",
                batch_id,
            )
            await delivery.record(
                tx,
                [
                    delivery.Delivery(
                        notice_id=row["notice_id"],
                        recipient_id=row["code"],
                        number=row["number"],
                        home_batch_id=batch_id,
                        language="vi",
                        state=State(state),
                        reason="",
                        channel=row["channel"],
                        contact="*01",
                        covered_by=None,
                        tries=1,
                        looks=0,
                        next_attempt_at=world.clock.now() if state == "awaiting" else None,
                        next_channel=None,
                        follow_up_batch_id=None,
                        recorded_at=world.clock.now(),
                    )
                    for row in rows
                ],
            )


@pytest.fixture
async def notice_id(world, planning) -> str:
    """Plan an announcement to two by push, two by SMS, and one who cannot be reached."""
    for n, code in enumerate(CODES):
        await world.customer(code, devices=[f"d{n}"] if n < 2 else [], phones=[f"+8490100000{n}"] if 2 <= n < 4 else [])
    planned = await world.notice(await world.outage())
    await plan_due_notice(room=planning)
    return str(planned)


async def test_progress_counts_every_recipient_once(api, world, rooms, notice_id):
    """The audience is the sum of the states, from planned to completed."""
    first = (await api.call("GET", f"/v1/notices/{notice_id}")).json()
    assert (first["state"], first["audience"]) == ("planned", 5)
    assert first["states"] == {"planned": 4, "unreachable": 1}
    assert first["channels"] == {"push": 2, "sms": 2}
    await record(world, "awaiting", batches="channel = 'push'")
    await record(world, "accepted", batches="channel = 'sms'")
    second = (await api.call("GET", f"/v1/notices/{notice_id}")).json()
    assert second["states"] == {"awaiting": 2, "accepted": 2, "unreachable": 1}
    assert await complete_notices(room=rooms.ledger) == 0
    await record(world, "delivered", batches="channel = 'push'")
    assert await complete_notices(room=rooms.ledger) == 1
    third = (await api.call("GET", f"/v1/notices/{notice_id}")).json()
    assert (third["state"], third["completed_at"] is not None) == ("completed", True)
    assert third["states"] == {"accepted": 2, "delivered": 2, "unreachable": 1}


async def test_completion_is_published_once(world, rooms, notice_id, outbox):
    """Workers at the same time: one event, whose states sum to the audience."""
    await record(world, "accepted")
    await asyncio.gather(*(complete_notices(room=rooms.ledger) for _ in range(4)))
    completed = [e.data for e in await outbox() if e.type == "gridcare.NoticeCompleted"]
    assert [str(event.notice_id) for event in completed] == [notice_id]
    assert completed[0].states == {"accepted": 4, "unreachable": 1}
    assert (completed[0].audience, completed[0].version) == (5, 2)
    assert completed[0].channels == {"push": 2, "sms": 2}


async def test_notice_to_nobody(world, rooms, planning, outbox):
    """A cancellation that nobody has to hear of."""
    await world.notice(await world.outage(), kind="cancellation", audience_rule="told")
    assert await complete_notices(room=rooms.ledger) == 0
    await plan_due_notice(room=planning)
    assert await complete_notices(room=rooms.ledger) == 1
    (completed,) = [e.data for e in await outbox() if e.type == "gridcare.NoticeCompleted"]
    assert (completed.audience, completed.states) == (0, {})


async def test_deliveries_page_by_page(api, world, notice_id):
    """By state or all, each once, with nothing but the masked contact."""
    await record(world, "accepted")
    seen, cursor = [], None
    while cursor is not None or not seen:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await api.call("GET", f"/v1/notices/{notice_id}/deliveries", params=query)).json()
        seen += page["items"]
        cursor = page["next"]
    assert [item["recipient_id"] for item in seen] == CODES
    assert {item["contact"] for item in seen} <= {"*01", ""}
    only = (await api.call("GET", f"/v1/notices/{notice_id}/deliveries", params={"state": "unreachable"})).json()
    assert [item["recipient_id"] for item in only["items"]] == CODES[4:]
    several = {"state": ["unreachable", "accepted"]}
    both = (await api.call("GET", f"/v1/notices/{notice_id}/deliveries", params=several)).json()
    assert len(both["items"]) == len(CODES)
    assert only["items"][0]["delivery_id"] == f"{notice_id}-5"


async def test_unknown_kind_is_shown(api, db, notice_id):
    """A notice of a kind that only a later release knows is shown with the kind `unknown`."""
    async with db.transaction() as tx:
        await tx.execute("UPDATE notice SET kind = 'meter-exchange'")
    assert (await api.call("GET", f"/v1/notices/{notice_id}")).json()["kind"] == "unknown"


async def test_an_outages_notices_are_listed(api, world):
    """What a publication scheduled, the oldest first."""
    await world.customer(CODES[0])
    outage_id = await api.published()
    path, notices, cursor = f"/v1/outages/{outage_id}/notices", [], None
    while cursor is not None or not notices:
        page = (await api.call("GET", path, params={"limit": 1, **({"cursor": cursor} if cursor else {})})).json()
        assert len(page["items"]) == 1
        notices, cursor = notices + page["items"], page["next"]
    assert sorted(each["kind"] for each in notices) == ["announcement", "reminder"]
    assert {each["state"] for each in notices} == {"scheduled"}
    for states, found in ((["planned", "scheduled"], 2), (["planned", "completed"], 0)):
        assert len((await api.call("GET", path, params={"state": states})).json()["items"]) == found


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("", {}, 404, "notice-not-found"),
        ("/deliveries", {}, 404, "notice-not-found"),
        ("/deliveries", {"state": "lost"}, 422, "invalid-request"),
        ("/deliveries", {"cursor": encode_cursor(["a\x00b"])}, 400, "invalid-cursor"),
        ("/deliveries", {"limit": 0}, 422, "invalid-request"),
    ],
)
async def test_what_cannot_be_is_refused(api, path, query, status, code):
    """Unknown notices, states that do not exist, cursors that are not ours."""
    answer = await api.call("GET", f"/v1/notices/{uuid4()}{path}", params=query)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_customers_do_not_see_progress(api, notice_id):
    """Only staff."""
    for path in ("", "/deliveries"):
        assert (await api.call("GET", f"/v1/notices/{notice_id}{path}", roles=["customer"])).status_code == 403
