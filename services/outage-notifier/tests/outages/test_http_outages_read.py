"""Reading outages over HTTP: revisions, lists and previews; and who may do what."""

from datetime import timedelta
from typing import Any

import pytest

NOBODY = {"push": 0, "sms": 0, "unreachable": 0, "opted_out": 0, "covered": 0}
A, B, C = "PB11010000001", "PB11010000002", "PB11010000003"


async def test_revisions_are_listed(api, world, clock):
    """Every change is kept as a revision with who made it and why, listed oldest first, page by page."""
    await world.customer(A)
    outage_id = await api.draft(reason="kế hoạch tháng 12")
    await api.call("PUT", f"/v1/outages/{outage_id}", json=api.document(place="KV 6"), key="edit", sub="second")
    clock.move(hours=1)
    await api.post(f"/{outage_id}/publish", {"reason": "approved"}, sub="third")
    await api.post(f"/{outage_id}/cancel", {"reason": "storm"})
    pages, cursor = [], None
    while cursor is not None or not pages:
        query = {"limit": 3, **({"cursor": cursor} if cursor else {})}
        answer = await api.call("GET", f"/v1/outages/{outage_id}/revisions", params=query)
        pages.append(answer.json()["items"])
        cursor = answer.json()["next"]
    story = [(r["revision"], r["action"], r["made_by"], r["reason"]) for page in pages for r in page]
    assert story == [
        (1, "created", "somebody", "kế hoạch tháng 12"),
        (2, "edited", "second", ""),
        (3, "published", "third", "approved"),
        (4, "cancelled", "somebody", "storm"),
    ]
    assert [r["document"]["place"] for r in pages[0]] == ["KV 5, phường An Khánh", "KV 6", "KV 6"]


async def test_languages_of_newer_releases(api, world):
    """An outage with a language that this release does not write is read and listed as it is."""
    await world.customer(A)
    outage_id = await api.draft()
    async with world.db.transaction() as tx:
        await tx.execute(
            """UPDATE outage SET document = jsonb_set(document, '{cause_by_language}', '{"fr": "travaux"}')"""
        )
    answer = await api.call("GET", f"/v1/outages/{outage_id}")
    assert answer.json()["document"]["cause_by_language"] == {"fr": "travaux"}
    assert (await api.call("GET", "/v1/outages")).json()["items"][0]["outage_id"] == outage_id


async def test_listed_by_newest_change(api, world, clock):
    """Pages go by the newest change, neither skip nor repeat, and may be filtered by state."""
    await world.customer(A)
    made = []
    for _ in range(5):
        clock.move(minutes=1)
        made.append(await api.draft())
    clock.move(minutes=1)
    await api.post(f"/{made[0]}/publish", {"late_reason": "x"})
    seen, cursor = [], None
    while cursor is not None or not seen:
        query = {"limit": 2, "state": "draft", **({"cursor": cursor} if cursor else {})}
        answer = (await api.call("GET", "/v1/outages", params=query)).json()
        seen += [item["outage_id"] for item in answer["items"]]
        cursor = answer["next"]
    assert seen == made[:0:-1]
    several = {"state": ["draft", "published", "cancelled"]}
    assert len((await api.call("GET", "/v1/outages", params=several)).json()["items"]) == len(made)
    newest = (await api.call("GET", "/v1/outages", params={"limit": 1})).json()["items"][0]
    assert (newest["outage_id"], newest["state"]) == (made[0], "published")


async def test_previews_count_costs(api, world):
    """A preview counts by channel and language, with SMS, segments and price; a late notice is told, not refused."""
    await world.customer(A, phones=["+84901000001"])
    await world.customer(B, phones=["+84901000002"], language="km")
    await world.customer(C)
    outage_id = await api.draft(windows=[one_window(api, days=2)])
    answer = await api.call("POST", f"/v1/outages/{outage_id}/preview", json={})
    assert answer.status_code == 200, answer.text
    announcement = answer.json()["notices"][0]
    assert announcement["recipients"] == NOBODY | {"sms": 2, "unreachable": 1}
    languages = {each["language"]: each for each in announcement["languages"]}
    assert (languages["vi"]["sms_encoding"], languages["vi"]["sms_segments"]) == ("gsm7", 1)
    assert (languages["km"]["sms_encoding"], languages["km"]["sms_segments"]) == ("ucs2", 2)
    assert (announcement["sms_segments"], announcement["sms_cost_vnd"]) == (3, 2400)
    assert answer.json()["statutory_notice"]["late"] is True
    longer = {"document": api.document(place="x" * 200)}
    answer = await api.call("POST", f"/v1/outages/{outage_id}/preview", json=longer)
    assert answer.json()["notices"][0]["sms_segments"] > 3
    assert (await api.call("GET", f"/v1/outages/{outage_id}/notices")).json()["items"] == []


@pytest.mark.parametrize(
    ("roles", "statuses"),
    [
        (["planner"], [201, 200, 202]),
        (["dispatcher"], [403, 200, 403]),
        (["ops"], [403, 200, 403]),
        (["customer"], [403, 403, 403]),
        (["cashier"], [403, 403, 403]),
    ],
)
async def test_who_may_do_what(api, world, roles, statuses):
    """Planners write, operations staff read, and nobody else sees anything."""
    await world.customer(A)
    outage_id = await api.draft()
    answers = [
        await api.post("", {"kind": "planned", **api.document()}, roles=roles),
        await api.call("GET", f"/v1/outages/{outage_id}", roles=roles),
        await api.post(f"/{outage_id}/publish", {}, roles=roles),
    ]
    assert [answer.status_code for answer in answers] == statuses


def one_window(api: Any, *, days: float, hours: float = 3) -> dict[str, str]:
    start = api.clock.now() + timedelta(days=days)
    return {"start": start.isoformat(), "end": (start + timedelta(hours=hours)).isoformat()}
