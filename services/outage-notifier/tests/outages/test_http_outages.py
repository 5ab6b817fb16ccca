"""Outages over HTTP: what each change schedules and publishes, and whom it tells."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from gridcare_local.testing.services import Outbox
from outage_notifier.planning.flow.plan_notice import plan_due_notice
from outage_notifier.planning.room import Planning
from outage_notifier.wiring import ApiRooms

NOBODY = {"push": 0, "sms": 0, "unreachable": 0, "opted_out": 0, "covered": 0}
A, B, C = "PB11010000001", "PB11010000002", "PB11010000003"


async def notices(rooms: ApiRooms, outage_id: str) -> list[dict[str, Any]]:
    async with rooms.ledger.db.read() as c:
        rows = await c.fetch(
            "SELECT * FROM notice WHERE outage_id = $1 ORDER BY revision, due_at, kind", UUID(outage_id)
        )
    return [dict(row) for row in rows]


async def plan_all(planning: Planning) -> None:
    while await plan_due_notice(room=planning):
        pass


async def deliver(rooms: ApiRooms) -> None:
    """Record every planned member as accepted, as senders would."""
    async with rooms.ledger.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO delivery SELECT notice_id, m->>1, (m->>0)::int, batch_id, 'vi', 'accepted', '', channel, '', null,"
            " 1, 0, null, null, null, now() FROM batch, jsonb_array_elements(members) AS m WHERE state = 'ready'"
        )
        await tx.execute("UPDATE batch SET accepted = size, state = 'settled' WHERE state = 'ready'")


async def test_publishing_schedules_notices(api, world, rooms, planning, outbox: Outbox):
    """Publishing answers 202 with whom it reaches, and schedules an announcement now and a reminder on the evening before."""
    await world.customer(A, phones=["+84901000001"])
    await world.customer(B, devices=["D2"])
    outage_id = await api.draft()
    answer = await api.post(f"/{outage_id}/publish", {})
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert body["outage"]["state"] == "published"
    assert [n["kind"] for n in body["preview"]] == ["announcement", "reminder"]
    assert body["preview"][0]["recipients"] == NOBODY | {"push": 1, "sms": 1}
    assert body["preview"][0]["sms_cost_vnd"] == 800
    made = await notices(rooms, outage_id)
    assert [(n["kind"], n["audience_rule"]) for n in made] == [("announcement", "scope_untold"), ("reminder", "scope")]
    assert made[1]["due_at"].isoformat() == "2026-12-05T11:00:00+00:00"
    assert {str(n["notice_id"]) for n in made} == set(body["notice_ids"])
    types = [envelope.type for envelope in await outbox()]
    assert sorted(types) == ["gridcare.NoticeScheduled"] * 2 + ["gridcare.OutagePlanned"]
    assert await plan_due_notice(room=planning)
    assert await world.books(made[0]["notice_id"]) == {"planned": 2}


async def test_repeats_change_nothing(api, world, rooms):
    """The same Idempotency-Key makes one outage and one publication, with the same bytes; with another body it is refused."""
    await world.customer(A)
    key, body = str(uuid4()), {"kind": "planned", **api.document()}
    first = await api.post("", body, key=key)
    second = await api.post("", body, key=key)
    assert (second.status_code, second.content) == (201, first.content)
    outage_id = first.json()["outage_id"]
    answers = [await api.post(f"/{outage_id}/publish", {}, key="publish-once") for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert len(await notices(rooms, outage_id)) == 2
    reused = await api.post("", {**body, "cause": "khác"}, key=key)
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency-key-reused")


async def test_customers_of_newer_languages(api, world):
    """A customer whose language only a newer release writes is counted and told in Vietnamese; publishing goes on."""
    async with world.owner_db.transaction() as tx:
        await tx.execute("ALTER TABLE customer DROP CONSTRAINT customer_language_check")
    await world.customer(A, phones=["+84901000001"], language="ko")
    outage_id = await api.draft()
    preview = await api.post(f"/{outage_id}/preview", {})
    answer = await api.post(f"/{outage_id}/publish", {"late_reason": "a test"}, key="k")
    again = await api.post(f"/{outage_id}/publish", {"late_reason": "a test"}, key="k")
    assert (preview.status_code, answer.status_code, again.json()) == (200, 202, answer.json())
    assert [each["language"] for each in answer.json()["preview"][0]["languages"]] == ["ko"]


async def test_published_once(api, world, rooms):
    """Of several planners at the same time, under keys of their own, one publishes and the others get 409."""
    await world.customer(A)
    outage_id = await api.draft()
    answers = await asyncio.gather(*(api.post(f"/{outage_id}/publish", {}) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409, 409]
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"outage-already-published"}
    assert len(await notices(rooms, outage_id)) == 2


async def test_older_revision(api, world):
    """A planner who names an older revision does not overwrite what somebody else wrote meanwhile."""
    await world.customer(A)
    outage_id = await api.draft()
    edit = {**api.document(place="KV 6"), "revision": 1}
    first = await api.call("PUT", f"/v1/outages/{outage_id}", json=edit, key="one")
    second = await api.call("PUT", f"/v1/outages/{outage_id}", json=edit, key="two")
    assert (first.status_code, first.json()["document"]["place"]) == (200, "KV 6")
    assert (second.status_code, second.json()["code"]) == (409, "outage-changed-meanwhile")
    assert second.json()["newest_revision"] == 2


async def test_revisions_part_the_audience(api, world, rooms, planning):
    """From FD1 to FD2: who is on both hears the change, who left the cancellation, who is new an announcement."""
    await world.customer(A, feeder="FD1", phones=["+84901000001"])
    await world.customer(B, feeder="FD1", phones=["+84901000002"])
    await world.customer(C, feeder="FD2", phones=["+84901000003"])
    outage_id = await api.published()
    await plan_all(planning)
    await deliver(rooms)
    scope = {"feeder_ids": ["FD2"], "supply_point_ids": [f"SP-{B}"]}
    answer = await api.post(
        f"/{outage_id}/revise", {**api.document(scope=scope), "reason": "moved", "late_reason": "x"}
    )
    assert answer.status_code == 202, answer.text
    reached = {n["kind"]: n["audience"] for n in answer.json()["preview"]}
    assert reached == {"change": 1, "cancellation": 1, "announcement": 1, "reminder": 2}
    await plan_all(planning)
    async with rooms.ledger.db.read() as c:
        rows = await c.fetch(
            "SELECT n.kind, m->>1 AS code FROM batch JOIN notice n USING (notice_id), jsonb_array_elements(members) AS m"
            " WHERE n.revision = 3 ORDER BY 1"
        )
    assert [tuple(row) for row in rows] == [("announcement", C), ("cancellation", A), ("change", B)]
    old = [n for n in await notices(rooms, outage_id) if n["revision"] == 2]
    assert [(n["kind"], n["state"]) for n in old] == [("announcement", "planned"), ("reminder", "superseded")]
    assert all(n["superseded_at"] for n in old)


async def test_called_off_once(api, world, rooms, planning):
    """Who got the cancellation of the first revision hears nothing of the second."""
    await world.customer(A, feeder="FD1", phones=["+84901000001"])
    await world.customer(B, feeder="FD2", phones=["+84901000002"])
    outage_id = await api.published(scope={"feeder_ids": ["FD1", "FD2"]})
    for place in ("KV 6", "KV 7"):
        await plan_all(planning)
        await deliver(rooms)
        revised = {**api.document(place=place, scope={"feeder_ids": ["FD1"]}), "reason": "r", "late_reason": "x"}
        answer = await api.post(f"/{outage_id}/revise", revised)
    assert {n["kind"]: n["audience"] for n in answer.json()["preview"]} == {
        "change": 1,
        "cancellation": 0,
        "announcement": 0,
        "reminder": 1,
    }


async def test_cancellations_reach_the_told(api, world, rooms, planning, outbox: Outbox):
    """A cancellation goes to the one who was told, not to the one who was unreachable."""
    await world.customer(A, phones=["+84901000001"])
    await world.customer(B)
    outage_id = await api.published()
    await plan_all(planning)
    await deliver(rooms)
    answer = await api.post(f"/{outage_id}/cancel", {"reason": "mưa lớn"})
    assert (answer.status_code, answer.json()["outage"]["state"]) == (202, "cancelled")
    assert [(n["kind"], n["audience"], n["sms_cost_vnd"]) for n in answer.json()["preview"]] == [
        ("cancellation", 1, 800)
    ]
    await plan_all(planning)
    cancellation = (await notices(rooms, outage_id))[-1]
    assert (cancellation["kind"], cancellation["audience"]) == ("cancellation", 1)
    assert "gridcare.OutageCancelled" in {envelope.type for envelope in await outbox()}
    again = await api.post(f"/{outage_id}/cancel", {"reason": "again"})
    assert (again.status_code, again.json()["code"]) == (409, "outage-already-cancelled")


async def test_dispatchers_may_restore(api, world, rooms, planning, clock):
    """A dispatcher may restore too, once the cut has begun; who was told of the cut hears of it."""
    await world.customer(A, phones=["+84901000001"])
    outage_id = await api.published()
    await plan_all(planning)
    await deliver(rooms)
    early = await api.post(f"/{outage_id}/restore", {}, roles=["dispatcher"])
    assert (early.status_code, early.json()["code"]) == (409, "outage-not-started")
    clock.move(days=6, hours=2)
    answer = await api.post(f"/{outage_id}/restore", {}, roles=["dispatcher"])
    assert (answer.status_code, answer.json()["outage"]["state"]) == (202, "restored")
    assert [(n["kind"], n["recipients"]["sms"]) for n in answer.json()["preview"]] == [("restoration", 1)]
    await plan_all(planning)
    restoration = (await notices(rooms, outage_id))[-1]
    assert (restoration["kind"], restoration["audience"]) == ("restoration", 1)


async def test_unplanned_cut(api, world, rooms):
    """An unplanned cut may have begun, needs no five days' notice, and goes out in the urgent lane."""
    await world.customer(A, phones=["+84901000001"])
    began = api.clock.now() - timedelta(hours=1)
    window = {"start": began.isoformat(), "end": (began + timedelta(hours=4)).isoformat()}
    answer = await api.post("", {"kind": "unplanned", **api.document(windows=[window])})
    published = await api.post(f"/{answer.json()['outage_id']}/publish", {})
    assert published.status_code == 202, published.text
    made = await notices(rooms, answer.json()["outage_id"])
    assert [(n["kind"], n["lane"]) for n in made] == [("emergency", "urgent")]
    assert published.json()["preview"][0]["fallback_segments_max"] == 0


async def test_many_supply_points(api, world, rooms, outbox: Outbox):
    """4,500 supply points are published in three events of one version, each small enough for a record."""
    async with rooms.ledger.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO supply_point SELECT 'SP' || i, $1, 'TR1', 'FD1', 'SS1', '31117', 1 FROM generate_series(1, 4500) i",
            A,
        )
    await api.published(scope={"supply_point_ids": [f"SP{n}" for n in range(1, 4501)]})
    parts = [e.data for e in await outbox() if e.type == "gridcare.OutagePlanned"]
    assert [(p.part, p.parts, p.version, len(p.scope.supply_point_ids)) for p in parts] == [
        (1, 3, 1, 2000),
        (2, 3, 1, 2000),
        (3, 3, 1, 500),
    ]
