"""A preview counts what planning then does: any world of shared phones and devices, refusals and bad contacts."""

from random import Random

import pytest

from gridcare.events.outages import Scope
from gridcare.postgres.poison.guard import Guard
from outage_notifier.planning.flow.plan_notice import plan_due_notice
from outage_notifier.planning.room import Planning
from outage_notifier.planning.store import reach, recipients
from outage_notifier.planning.store.recipients import Earlier

CUSTOMERS = 120


async def any_world(world, draw: Random) -> None:
    """Write customers with contacts drawn from few numbers and registrations, so that many are shared."""
    for n in draw.sample(range(CUSTOMERS), CUSTOMERS):
        await world.customer(
            f"PB1101000{n:04}",
            feeder=draw.choice(["FD1", "FD1", "FD2"]),
            phones=[f"+8490100{number:04}" for number in draw.sample(range(80), draw.choice([0, 1, 1, 2]))],
            devices=sorted({f"d{draw.randrange(60)}" for _ in range(draw.choice([0, 0, 1, 2]))}),
            language=draw.choice(["vi", "vi", "km", "zh", "en"]),
            consent=draw.random() > 0.1,
            verified=draw.random() > 0.3,
        )
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE phone SET bad_reason = '21211' WHERE phone_id % 11 = 0")
        await tx.execute("UPDATE phone SET opted_out_at = now() WHERE phone_id % 13 = 0")
        await tx.execute("UPDATE phone SET removed_at = now() WHERE phone_id % 7 = 0")
        await tx.execute("UPDATE phone SET preferred_at = now() - phone_id * interval '1 s' WHERE phone_id % 3 = 0")
        await tx.execute("UPDATE phone SET chosen = true WHERE phone_id % 5 = 0")


@pytest.mark.parametrize("seed", range(6))
async def test_preview_is_what_planning_makes(world, seed):
    """By channel, state and language, over worlds in which contacts are shared."""
    await any_world(world, Random(seed))  # noqa: S311 - a repeatable world
    async with world.db.read() as c:
        counted = await reach.count(c, "scope", Scope(feeder_ids=("FD1",)), Earlier(), sms_first=False)
    await world.notice(await world.outage())
    page_size = 7 if seed % 2 else 5_000
    while await plan_due_notice(room=Planning(world.db, world.clock, Guard(world.db), page_size=page_size)):
        pass
    async with world.db.read() as c:
        members = await c.fetch(
            "SELECT m->>2 AS language, channel AS forecast, count(*) AS n, count(*) FILTER (WHERE (m->4)::bool) AS fallback"
            " FROM batch, jsonb_array_elements(members) AS m WHERE channel <> 'none' GROUP BY 1, 2"
        )
        settled = await c.fetch(
            "SELECT language, state AS forecast, count(*) AS n, 0 AS fallback FROM delivery GROUP BY 1, 2"
        )
    planned = {(r["language"], r["forecast"]): (r["n"], r["fallback"]) for r in [*members, *settled]}
    assert {(each.language, each.forecast): (each.recipients, each.with_fallback) for each in counted} == planned
    assert {"push", "sms", "covered"} <= {forecast for _, forecast in planned}


async def test_each_rule_counts_its_pages(world):
    """After a first revision was told: the sizes of the audiences of a second one."""
    await any_world(world, Random(1))  # noqa: S311 - a repeatable world
    outage_id = await world.outage(feeders=("FD1",))
    notice_id = await world.notice(outage_id)
    await plan_due_notice(room=Planning(world.db, world.clock, Guard(world.db)))
    async with world.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO delivery SELECT $1, m->>1, (m->>0)::int, batch_id, 'vi', 'accepted', '', 'sms', '', null, 1, 0,"
            " null, null, null, now() FROM batch, jsonb_array_elements(members) AS m WHERE channel = 'sms'",
            notice_id,
        )
        earlier = await recipients.earlier_notices(tx, outage_id, 2)
        scope = Scope(feeder_ids=("FD2",), supply_point_ids=("SP-PB11010000001",))
        for rule in ("scope", "scope_untold", "told", "told_in_scope", "told_outside_scope"):
            counted = await reach.count(tx, rule, scope, earlier, sms_first=False)
            audience = await recipients.open_audience(tx, rule, scope, earlier, listed_max=CUSTOMERS)
            page = await recipients.page(tx, audience, after="", limit=CUSTOMERS)
            assert sum(each.recipients for each in counted) == len(page.recipients), rule
