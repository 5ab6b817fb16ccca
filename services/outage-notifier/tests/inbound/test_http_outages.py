"""Outages by HTTP: every change, what it schedules, and what is refused."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from gridcare.events import Envelope
from outage_notifier.flow.plan_notice import plan_due_notice
from outage_notifier.wiring import Services

Outbox = Callable[[], Awaitable[list[Envelope]]]


async def notices(services: Services, outage_id: str) -> list[dict[str, Any]]:
    async with services.db.read() as c:
        rows = await c.fetch(
            "SELECT * FROM notice WHERE outage_id = $1 ORDER BY revision, due_at, kind", UUID(outage_id)
        )
    return [dict(row) for row in rows]


async def test_a_publication_schedules_an_announcement_and_a_reminder(api, world, services, outbox: Outbox):
    """Publishing answers 202 with whom it reaches, and schedules what is told now and on the evening before."""
    await world.customer("PB11010000001", phones=["+84901000001"])
    await world.customer("PB11010000002", devices=["D2"])
    outage_id = await api.draft()
    answer = await api.post(f"/{outage_id}/publish", {})
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert body["outage"]["status"] == "published"
    assert [n["kind"] for n in body["preview"]] == ["announcement", "reminder"]
    assert body["preview"][0]["recipients"] == {"push": 1, "sms": 1, "unreachable": 0, "opted_out": 0, "covered": 0}
    assert body["preview"][0]["sms_cost_vnd"] == 800
    made = await notices(services, outage_id)
    assert [(n["kind"], n["audience_rule"]) for n in made] == [("announcement", "scope_untold"), ("reminder", "scope")]
    assert made[1]["due_at"].isoformat() == "2026-12-05T11:00:00+00:00"
    assert [str(n["notice_id"]) for n in made] == body["notice_ids"]
    types = [envelope.type for envelope in await outbox()]
    assert sorted(types) == ["gridcare.NoticeScheduled"] * 2 + ["gridcare.OutagePlanned"]
    assert await plan_due_notice(services.planner)
    assert await world.books(made[0]["notice_id"]) == {"planned": 2}
