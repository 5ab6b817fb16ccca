"""Each change of an outage, whole: the revision, the notices, the events and the kept result, in one transaction."""

from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest

A = "PB11010000001"
CHANGES = ("edit", "publish", "revise", "cancel", "restore")


@pytest.fixture
def change(api, clock):
    """Return a function that makes a change of an outage, named by its verb, and returns the answer."""

    async def make(verb: str, outage_id: str, *, key: str | None = None) -> Any:
        key = key or str(uuid4())
        moved = api.document(place="KV 6")
        match verb:
            case "edit":
                return await api.call("PUT", f"/v1/outages/{outage_id}", json=moved, key=key)
            case "revise":
                return await api.post(f"/{outage_id}/revise", {**moved, "reason": "moved", "late_reason": "x"}, key=key)
            case "cancel":
                return await api.post(f"/{outage_id}/cancel", {"reason": "storm"}, key=key)
            case _:
                return await api.post(f"/{outage_id}/{verb}", {}, key=key)

    return make


@pytest.fixture
def ready_for(api, clock):
    """Return a function that creates an outage which a change can be made of, and returns its id."""

    async def make(verb: str) -> str:
        if verb in {"edit", "publish"}:
            return await api.draft()
        outage_id = await api.published()
        if verb == "restore":
            clock.move(days=6, hours=1)
        return outage_id

    return make


async def _kept(db, outage_id: str) -> dict[str, Any]:
    """Return what is stored of an outage: its row, its revisions' actions, its notices, and the size of the outbox."""
    async with db.read() as c:
        row = await c.fetchrow("SELECT status, revision, version FROM outage WHERE outage_id = $1", UUID(outage_id))
        revisions = await c.fetch(
            "SELECT action FROM outage_revision WHERE outage_id = $1 ORDER BY revision", UUID(outage_id)
        )
        notices = await c.fetch(
            "SELECT kind, revision, state FROM notice WHERE outage_id = $1 ORDER BY revision, due_at, kind",
            UUID(outage_id),
        )
        events = await c.fetchval("SELECT count(*) FROM outbox")
    return {
        "outage": tuple(row),
        "actions": [each["action"] for each in revisions],
        "notices": [tuple(each) for each in notices],
        "events": events,
    }


class Expected(NamedTuple):
    """What a change, named by its verb, leaves behind: the outage's status, the revision's action, notices and events."""

    verb: str
    status: str
    action: str
    kinds: list[str]
    events: list[str]


@pytest.mark.parametrize(
    "expected",
    [
        Expected("edit", "draft", "edited", [], []),
        Expected("publish", "published", "published", ["announcement", "reminder"], ["OutagePlanned"]),
        Expected(
            "revise",
            "published",
            "revised",
            ["announcement", "cancellation", "change", "reminder"],
            ["OutageRevised"],
        ),
        Expected("cancel", "cancelled", "cancelled", ["cancellation"], ["OutageCancelled"]),
        Expected("restore", "restored", "restored", ["restoration"], ["OutageRestored"]),
    ],
    ids=CHANGES,
)
async def test_whole_change(change, ready_for, world, outbox, expected):
    """A change saves its revision, schedules its notices, appends its events, and supersedes older notices."""
    await world.customer(A)
    outage_id = await ready_for(expected.verb)
    before, appended = await _kept(world.db, outage_id), len(await outbox())
    answer = await change(expected.verb, outage_id)
    assert answer.status_code in {200, 202}, answer.text
    after = await _kept(world.db, outage_id)
    revision = before["outage"][1] + 1
    assert after["outage"] == (expected.status, revision, before["outage"][2] + len(expected.events))
    assert after["actions"] == [*before["actions"], expected.action]
    assert sorted(kind for kind, of, _ in after["notices"] if of == revision) == expected.kinds
    assert {state for _, of, state in after["notices"] if of < revision} <= {"superseded"}
    types = sorted(envelope.type.removeprefix("gridcare.") for envelope in (await outbox())[appended:])
    assert types == sorted(["NoticeScheduled"] * len(expected.kinds) + expected.events)
    assert len(answer.json().get("notice_ids", [])) == len(expected.kinds)


@pytest.mark.parametrize("verb", CHANGES)
async def test_repeated_change(change, ready_for, world, db, verb):
    """The same change under the same key has one effect and one answer."""
    await world.customer(A)
    outage_id = await ready_for(verb)
    first = await change(verb, outage_id, key="the-same")
    kept = await _kept(db, outage_id)
    second = await change(verb, outage_id, key="the-same")
    assert first.status_code in {200, 202}, first.text
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert await _kept(db, outage_id) == kept


async def test_repeated_creation(api, world, db):
    """The same creation under the same key makes one draft and has one answer."""
    await world.customer(A)
    body = {"kind": "unplanned", **api.document(cause_by_language={"km": "ជួសជុល"})}
    first, second = [await api.post("", body, key="the-same") for _ in range(2)]
    assert first.status_code == 201, first.text
    assert (second.status_code, second.content) == (201, first.content)
    kept = await _kept(db, first.json()["outage_id"])
    assert kept == {"outage": ("draft", 1, 0), "actions": ["created"], "notices": [], "events": 0}


async def test_dropped_draft(api, change, world, db):
    """Cancelling a draft tells nobody: no notice and no event."""
    await world.customer(A)
    outage_id = await api.draft()
    answer = await change("cancel", outage_id)
    assert (answer.status_code, answer.json()["notice_ids"], answer.json()["preview"]) == (202, [], [])
    kept = await _kept(db, outage_id)
    assert kept == {
        "outage": ("cancelled", 2, 0),
        "actions": ["created", "cancelled"],
        "notices": [],
        "events": 0,
    }


@pytest.mark.parametrize("verb", ["edit", "revise"])
async def test_unchanged_scope_vanished(change, ready_for, world, db, verb):
    """A change that leaves the scope alone is accepted although nothing hangs on the scope any more."""
    await world.customer(A)
    outage_id = await ready_for(verb)
    async with db.transaction() as tx:
        await tx.execute("UPDATE supply_point SET feeder_id = 'FD2'")
    answer = await change(verb, outage_id)
    assert answer.status_code in {200, 202}, answer.text
    outage = answer.json().get("outage", answer.json())
    assert outage["document"]["place"] == "KV 6"
