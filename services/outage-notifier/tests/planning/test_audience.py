"""Whom planning writes into the ledger, held against a count by a statement of the test's own, for any scope."""

from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridcare.events.outages import Scope
from gridcare.postgres.poison.guard import Guard
from outage_notifier.planning.flow.plan_notice import plan_due_notice
from outage_notifier.planning.room import Planning
from outage_notifier.planning.store import reach
from outage_notifier.planning.store.recipients import Earlier

FEEDERS = [f"FD{n}" for n in range(5)]
TRANSFORMERS = [f"TR{n}" for n in range(15)]
WARDS = [f"3111{n}" for n in range(4)]
POINTS = [f"SP{n}" for n in range(160)]
CUSTOMERS = [f"PB1101000{n:04}" for n in range(90)]


def some(of: list[str], most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(of), max_size=most, unique=True)


def stretch(of: list[str]) -> st.SearchStrategy[list[str]]:
    """Draw neighbours: their customers lie close together in the order of their codes."""
    return st.tuples(st.integers(0, len(of)), st.integers(0, len(of))).map(lambda ends: of[min(ends) : max(ends)])


@pytest.fixture
async def town(world) -> None:
    """Write ninety customers with 160 supply points; their numbers follow the customers' codes, the grid does not."""
    draw = Random(7)  # noqa: S311 - a repeatable town
    owners = sorted([*CUSTOMERS, *draw.choices(CUSTOMERS, k=len(POINTS) - len(CUSTOMERS))])
    rows = [
        (point, owner, draw.choice(TRANSFORMERS), draw.choice(FEEDERS), "SS1", draw.choice(WARDS), 1)
        for point, owner in zip(POINTS, owners, strict=True)
    ]
    async with world.db.transaction() as tx:
        await tx.executemany("INSERT INTO supply_point VALUES ($1, $2, $3, $4, $5, $6, $7)", rows)


async def counted(c: Any, scope: Scope) -> int:
    return await c.fetchval(
        "SELECT count(DISTINCT customer_code) FROM supply_point WHERE supply_point_id = ANY($1)"
        " OR feeder_id = ANY($2) OR transformer_id = ANY($3) OR ward_code = ANY($4)",
        *(list(scope.supply_point_ids), list(scope.feeder_ids), list(scope.transformer_ids), list(scope.ward_codes)),
    )


@given(
    scope=st.builds(
        Scope,
        feeder_ids=some(FEEDERS, 2).map(tuple),
        transformer_ids=some(TRANSFORMERS, 3).map(tuple),
        ward_codes=some(WARDS, 1).map(tuple),
        supply_point_ids=st.one_of(some(POINTS, 40), stretch(POINTS)).map(tuple),
    ),
    page_size=st.integers(1, 12),
    listed_max=st.sampled_from([0, 30, 1_000]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_audience_is_the_scope(world, town, scope, page_size, listed_max):
    """The planned audience, its members and the preview are all the customers that the scope cuts, each once."""
    async with world.db.read() as c:
        expected = await counted(c, scope)
        forecast = await reach.count(c, "scope", scope, Earlier(), sms_first=False)
    notice_id = await world.notice(await world.outage(scope=scope))
    room = Planning(world.db, world.clock, Guard(world.db), page_size=page_size, listed_max=listed_max)
    assert await plan_due_notice(room=room) == 1
    async with world.db.read() as c:
        audience = await c.fetchval("SELECT audience FROM notice WHERE notice_id = $1", notice_id)
        members = await c.fetchrow(
            "SELECT count(*) AS all, count(DISTINCT m->>1) AS each FROM batch, jsonb_array_elements(members) AS m"
            " WHERE notice_id = $1",
            notice_id,
        )
    assert (audience, members["all"], members["each"]) == (expected, expected, expected)
    assert sum(each.recipients for each in forecast) == expected
