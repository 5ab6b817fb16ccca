"""Bad outages: each refused with a stable code, and nothing half-done."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from gridcare.http.pages import encode_cursor

A = "PB11010000001"
OUTAGE = UUID("0193b3f1-7c00-7000-8000-000000000001")


def window(api: Any, start_h: float, hours: float) -> dict[str, str]:
    start = api.clock.now() + timedelta(hours=start_h)
    return {"start": start.isoformat(), "end": (start + timedelta(hours=hours)).isoformat()}


async def counted(world) -> tuple[int, ...]:
    async with world.db.read() as c:
        tables = ("outage", "outage_revision", "notice", "outbox", "idempotency")
        return tuple([await c.fetchval(f"SELECT count(*) FROM {table}") for table in tables])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"windows": []}, "invalid-request"),
        ({"hours": [(200, 0)]}, "window-ends-before-start"),
        ({"hours": [(200, -1)]}, "window-ends-before-start"),
        ({"hours": [(200, 73)]}, "window-too-long"),
        ({"hours": [(401 * 24, 3)]}, "window-too-far"),
        ({"hours": [(200, 3), (201, 3)]}, "windows-overlap"),
        ({"hours": [(200 + 4 * n, 3) for n in range(21)]}, "windows-count"),
        ({"windows": [{"start": "2026-12-06T01:00:00", "end": "2026-12-06T02:00:00"}]}, "invalid-request"),
        ({"windows": [{"start": 1, "end": 2}]}, "invalid-request"),
        ({"scope": {}}, "scope-empty"),
        ({"scope": {"feeder_ids": ["FD1", "FD8", "FD9"]}}, "unknown-scope"),
        ({"scope": {"feeder_ids": ["FD1"], "ward_codes": ["x"]}}, "unknown-scope"),
        ({"scope": {"feeder_ids": ["FD 1"]}}, "invalid-request"),
        ({"scope": {"feeder_ids": "FD1"}}, "invalid-request"),
        ({"scope": {"feeders": ["FD1"]}}, "invalid-request"),
        ({"place": ""}, "invalid-request"),
        ({"place": "   "}, "invalid-request"),
        ({"place": "x" * 201}, "invalid-request"),
        ({"cause": "a\nb"}, "invalid-request"),
        ({"cause": "a\x00b"}, "invalid-request"),
        ({"cause": 7}, "invalid-request"),
        ({"cause_by_language": {"fr": "non"}}, "invalid-request"),
        ({"kind": "other"}, "invalid-request"),
        ({"status": "published"}, "invalid-request"),
    ],
)
async def test_a_bad_outage_is_refused_and_nothing_is_written(api, world, change, code):
    """422 with the code; not even the Idempotency-Key is kept. `hours` are windows: start from now, and length."""
    await world.customer(A)
    before = await counted(world)
    changed = {name: value for name, value in change.items() if name != "hours"}
    if "hours" in change:
        changed["windows"] = [window(api, start_h, hours) for start_h, hours in change["hours"]]
    answer = await api.post("", {"kind": "planned", **api.document(), **changed}, key="one")
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert await counted(world) == before
    assert (await api.post("", {"kind": "planned", **api.document()}, key="one")).status_code == 201


async def test_an_unknown_scope_is_named(api, world):
    """What no supply point hangs on stands in the answer."""
    await world.customer(A)
    scope = {"feeder_ids": ["FD1", "FD9"], "transformer_ids": ["TR9"], "supply_point_ids": ["SP-9"]}
    answer = await api.post("", {"kind": "planned", **api.document(scope=scope)})
    assert answer.json()["unknown"] == {
        "feeder_ids": ["FD9"],
        "transformer_ids": ["TR9"],
        "supply_point_ids": ["SP-9"],
    }


async def test_a_late_publication_is_refused_with_the_law_and_accepted_with_a_reason(api, world):
    """Less than five days: statutory-notice-late names the hours and the basis; the reason is kept."""
    await world.customer(A)
    outage_id = await api.draft(windows=[window(api, 48, 3)])
    refused = await api.post(f"/{outage_id}/publish", {}, key="one")
    assert (refused.status_code, refused.json()["code"]) == (422, "statutory-notice-late")
    assert (refused.json()["notice_hours"], refused.json()["wanted_hours"]) == (48.0, 120.0)
    assert "61/2024/QH15" in refused.json()["legal_basis"]
    accepted = await api.post(f"/{outage_id}/publish", {"late_reason": "trạm hỏng"}, key="one")
    assert accepted.status_code == 202
    assert accepted.json()["outage"]["document"]["late_reason"] == "trạm hỏng"


async def test_a_draft_that_grew_old_is_not_published(api, world, clock):
    """Its window began meanwhile."""
    await world.customer(A)
    outage_id = await api.draft()
    clock.move(days=6)
    answer = await api.post(f"/{outage_id}/publish", {"late_reason": "x"})
    assert (answer.status_code, answer.json()["code"]) == (422, "window-in-past")


async def test_a_draft_whose_feeder_is_gone_is_not_published(api, world):
    """What hung on it was moved meanwhile."""
    await world.customer(A)
    outage_id = await api.draft()
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE supply_point SET feeder_id = 'FD2'")
    answer = await api.post(f"/{outage_id}/publish", {})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown-scope")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("publish", {}),
        ("revise", {"reason": "r"}),
        ("cancel", {"reason": "r"}),
        ("restore", {}),
    ],
)
async def test_an_outage_that_nobody_knows_is_not_found(api, world, path, body):
    """404 for every step."""
    await world.customer(A)
    full = {**(api.document() if path == "revise" else {}), **body}
    answer = await api.post(f"/{OUTAGE}/{path}", full)
    assert (answer.status_code, answer.json()["code"]) == (404, "outage-not-found")


@pytest.mark.parametrize("path", ["", "/revisions", "/notices"])
async def test_reading_an_outage_that_nobody_knows_is_not_found(api, path):
    """404 too."""
    answer = await api.call("GET", f"/v1/outages/{OUTAGE}{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "outage-not-found")


async def test_a_cancellation_needs_a_reason(api, world):
    """It is kept with the revision."""
    await world.customer(A)
    outage_id = await api.published()
    answer = await api.post(f"/{outage_id}/cancel", {"reason": ""})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


async def test_a_change_without_a_key_is_refused(api, world):
    """400: a planner's double click must not publish twice."""
    answer = await api.call("POST", "/v1/outages", json={"kind": "planned", **api.document()})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-missing")


@pytest.mark.parametrize(
    ("path", "cursor"),
    [
        ("", "x"),
        ("", encode_cursor(None)),
        ("", encode_cursor(["2026-12-06T01:00:00", str(OUTAGE)])),
        ("", encode_cursor([-1, str(OUTAGE)])),
        ("", encode_cursor([2**63, str(OUTAGE)])),
        (f"/{OUTAGE}/revisions", encode_cursor([2**31])),
        (f"/{OUTAGE}/revisions", encode_cursor([1.5])),
    ],
)
async def test_a_bad_cursor_is_refused(api, path, cursor):
    """400, whatever it holds: nothing of it reaches the database."""
    answer = await api.call("GET", f"/v1/outages{path}", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-cursor")


async def test_texts_that_no_database_can_keep_are_refused(api, world):
    """Half a surrogate pair is valid JSON and no text."""
    await world.customer(A)
    body = json.dumps({"kind": "planned", **api.document(place="KV \ud800 5")})
    answer = await api.call("POST", "/v1/outages", content=body, key="one", media_type="application/json")
    assert answer.status_code == 422, answer.text


async def test_a_body_that_is_too_large_is_refused(api):
    """413 before it is read whole."""
    body = {"kind": "planned", **api.document(scope={"supply_point_ids": ["S" * 64] * 130_000})}
    answer = await api.post("", body)
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")


async def test_the_longest_list_that_a_scope_may_hold_has_room(api):
    """A hundred thousand supply points are read and looked up: none of these is known."""
    listed = [f"{n:064}" for n in range(100_000)]
    answer = await api.post("", {"kind": "planned", **api.document(scope={"supply_point_ids": listed})})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown-scope")
