"""Bad outages: each is refused with a stable code, and nothing is half done."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from gridcare.http.pages import encode_cursor
from gridcare.known_supply_points import store as supply_point
from gridcare.known_supply_points.core import removed

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
        ({"hours": [(200, 0)]}, "window-ends-before-start"),  # windows as (start from now, length)
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
        ({"state": "published"}, "invalid-request"),
    ],
)
async def test_bad_outages(api, world, change, code):
    """A bad outage is refused with 422 and its code, and not even its Idempotency-Key is kept."""
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


async def test_unknown_scope(api, world):
    """The answer names what no supply point hangs on."""
    await world.customer(A)
    scope = {"feeder_ids": ["FD1", "FD9"], "transformer_ids": ["TR9"], "supply_point_ids": ["SP-9"]}
    answer = await api.post("", {"kind": "planned", **api.document(scope=scope)})
    assert answer.json()["unknown"] == {
        "feeder_ids": ["FD9"],
        "transformer_ids": ["TR9"],
        "supply_point_ids": ["SP-9"],
    }


async def test_late_publication(api, world):
    """Less than five days' notice is refused with the hours and the law, and accepted with a reason, which is kept."""
    await world.customer(A)
    outage_id = await api.draft(windows=[window(api, 48, 3)])
    refused = await api.post(f"/{outage_id}/publish", {}, key="one")
    assert (refused.status_code, refused.json()["code"]) == (422, "statutory-notice-late")
    assert (refused.json()["notice_hours"], refused.json()["wanted_hours"]) == (48.0, 120.0)
    assert "61/2024/QH15" in refused.json()["legal_basis"]
    accepted = await api.post(f"/{outage_id}/publish", {"late_reason": "trạm hỏng"}, key="one")
    assert accepted.status_code == 202
    assert accepted.json()["outage"]["document"]["late_reason"] == "trạm hỏng"


async def test_old_draft(api, world, clock):
    """A draft whose window began meanwhile is not published."""
    await world.customer(A)
    outage_id = await api.draft()
    clock.move(days=6)
    answer = await api.post(f"/{outage_id}/publish", {"late_reason": "x"})
    assert (answer.status_code, answer.json()["code"]) == (422, "window-in-past")


async def test_feeder_gone(api, world):
    """A draft whose feeder has no supply points any more is not published."""
    await world.customer(A)
    outage_id = await api.draft()
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE supply_point SET feeder_id = 'FD2'")
    answer = await api.post(f"/{outage_id}/publish", {})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown-scope")


async def test_supply_point_gone(api, world):
    """A supply point that was removed is known no more."""
    await world.customer(A)
    async with world.db.transaction() as tx:
        await supply_point.project(tx, [removed(f"SP-{A}", 0, world.clock.now())])
    answer = await api.post("", {"kind": "planned", **api.document(scope={"supply_point_ids": [f"SP-{A}"]})})
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
async def test_unknown_outage(api, world, path, body):
    """Every change of an unknown outage answers 404."""
    await world.customer(A)
    full = {**(api.document() if path == "revise" else {}), **body}
    answer = await api.post(f"/{OUTAGE}/{path}", full)
    assert (answer.status_code, answer.json()["code"]) == (404, "outage-not-found")


@pytest.mark.parametrize("path", ["", "/revisions", "/notices"])
async def test_reading_unknown_outage(api, path):
    """Every reading of an unknown outage answers 404."""
    answer = await api.call("GET", f"/v1/outages/{OUTAGE}{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "outage-not-found")


async def test_cancellation_without_reason(api, world):
    """A cancellation without a reason is refused."""
    await world.customer(A)
    outage_id = await api.published()
    answer = await api.post(f"/{outage_id}/cancel", {"reason": ""})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


async def test_missing_key(api, world):
    """A change without an Idempotency-Key is refused: a double click must not publish twice."""
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
async def test_bad_cursor(api, path, cursor):
    """A bad cursor answers 400, whatever it holds, and never reaches the database."""
    answer = await api.call("GET", f"/v1/outages{path}", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-cursor")


async def test_lone_surrogate(api, world):
    """Half a surrogate pair, which is valid JSON but no text, is refused."""
    await world.customer(A)
    body = json.dumps({"kind": "planned", **api.document(place="KV \ud800 5")})
    answer = await api.call(
        "POST", "/v1/outages", content=body, key="one", headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422, answer.text


async def test_body_too_large(api):
    """A body that is too large answers 413 before it is read whole."""
    body = {"kind": "planned", **api.document(scope={"supply_point_ids": ["S" * 64] * 130_000})}
    answer = await api.post("", body)
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")


async def test_longest_scope(api):
    """A hundred thousand supply points are read and looked up; none of these is known."""
    listed = [f"{n:064}" for n in range(100_000)]
    answer = await api.post("", {"kind": "planned", **api.document(scope={"supply_point_ids": listed})})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown-scope")
