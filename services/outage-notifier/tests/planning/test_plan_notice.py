"""Planning: each recipient once, on the right channel, whatever happens meanwhile."""

from dataclasses import replace

from gridcare.events.outages import Scope
from gridcare.known_supply_points import store as supply_point
from gridcare.known_supply_points.core import removed
from outage_notifier.planning.flow import plan_notice


async def test_each_customer_once(world, plan):
    """A customer with two supply points in the scope is one recipient."""
    await world.customer("PB11010000001", phones=["+84901000001"])
    async with world.db.transaction() as tx:
        await tx.execute("INSERT INTO supply_point VALUES ('SP-2', 'PB11010000001', 'TR1', 'FD1', 'SS1', '31117', 1)")
    notice_id = await world.notice(await world.outage())
    await plan()
    assert await world.books(notice_id) == {"planned": 1}


async def test_outside_the_scope(world, plan):
    """Another feeder's customers hear nothing."""
    await world.customer("PB11010000001", phones=["+84901000001"])
    await world.customer("PB11010000002", feeder="FD2", phones=["+84901000002"])
    notice_id = await world.notice(await world.outage())
    await plan()
    assert await world.books(notice_id) == {"planned": 1}


async def test_removed_supply_points(world, plan):
    """A customer whose supply point was removed hears nothing, though the scope names the point and its feeder."""
    await world.customer("PB11010000001", phones=["+84901000001"])
    await world.customer("PB11010000002", phones=["+84901000002"])
    async with world.db.transaction() as tx:
        await supply_point.project(tx, [removed("SP-PB11010000001", 0, world.clock.now())])
    named = Scope(feeder_ids=("FD1",), supply_point_ids=("SP-PB11010000001",))
    notice_id = await world.notice(await world.outage(scope=named))
    await plan()
    assert await world.books(notice_id) == {"planned": 1}


async def test_push_goes_first(world, plan):
    """A device is preferred to a phone; every device of the customer is in the batch."""
    await world.customer("PB11010000001", phones=["+84901000001"], devices=["d1", "d2"])
    await world.customer("PB11010000002", phones=["+84901000002"])
    await world.notice(await world.outage())
    await plan()
    async with world.db.read() as c:
        rows = await c.fetch(
            "SELECT channel, jsonb_array_length(members->0->3) AS contacts FROM batch ORDER BY channel"
        )
    assert [tuple(r) for r in rows] == [("push", 2), ("sms", 1)]


async def test_unreachable_and_opted_out(world, plan):
    """No contact at all is unreachable; no consent is opted out."""
    await world.customer("PB11010000001")
    await world.customer("PB11010000002", phones=["+84901000002"], consent=False)
    notice_id = await world.notice(await world.outage())
    await plan()
    assert await world.books(notice_id) == {"unreachable": 1, "opted_out": 1}


async def test_shared_phone_covers(world, plan):
    """Two customers with one phone: the first is told, the second is covered by the first."""
    await world.customer("PB11010000001", phones=["+84901000001"])
    await world.customer("PB11010000002", phones=["+84901000001"])
    notice_id = await world.notice(await world.outage())
    await plan()
    assert await world.books(notice_id) == {"planned": 1, "covered": 1}
    async with world.db.read() as c:
        assert await c.fetchval("SELECT covered_by FROM delivery WHERE state = 'covered'") == "PB11010000001"


async def test_shared_device_covers(world, plan):
    """A second customer with the same device and one more is told on the other one."""
    await world.customer("PB11010000001", devices=["d1"])
    await world.customer("PB11010000002", devices=["d1", "d2"])
    await world.customer("PB11010000003", devices=["d1"])
    notice_id = await world.notice(await world.outage())
    await plan()
    assert await world.books(notice_id) == {"planned": 2, "covered": 1}


async def test_several_pages_and_batches(world, planning):
    """Small pages and batches: nobody is skipped at their edges, nobody doubled."""
    for n in range(23):
        await world.customer(f"PB1101000{n:04}", phones=[f"+8490100{n:04}"])
    notice_id = await world.notice(await world.outage())
    assert await plan_notice.plan_due_notice(room=replace(planning, page_size=7, batch_size=3)) == 1
    assert await world.books(notice_id) == {"planned": 23}
    async with world.db.read() as c:
        members = await c.fetch("SELECT jsonb_array_elements(members)->>1 AS code, size FROM batch")
    assert len({m["code"] for m in members}) == 23
    assert {m["size"] for m in members} <= {1, 2, 3}


async def test_overtaken_planner_writes_nothing(world, planning):
    """Two planners on one notice: a page under the older claim changes nothing."""
    for n in range(4):
        await world.customer(f"PB1101000{n:04}", phones=[f"+8490100{n:04}"])
    notice_id = await world.notice(await world.outage())
    async with world.db.transaction() as tx:
        stale = await plan_notice.notice.claim_due(tx, now=world.clock.now(), lease_s=0)
        audience = await plan_notice._open_audience(tx, stale, planning.listed_max)
    assert await plan_notice.plan_due_notice(room=planning) == 1
    assert await plan_notice._plan_page(stale, audience, after="", room=planning) is None
    assert await world.books(notice_id) == {"planned": 4}


async def test_single_notices_are_packed(world, plan):
    """Three receipts become one batch, each with its own notice."""
    ids = []
    for n in range(3):
        code = f"PB1101000{n:04}"
        await world.customer(code, phones=[f"+8490100{n:04}"])
        ids.append(
            await world.notice(
                None,
                revision=None,
                kind="payment-received",
                audience_rule="one",
                recipient_id=code,
            )
        )
    await plan()
    async with world.db.read() as c:
        row = await c.fetchrow("SELECT count(*), sum(size), count(notice_id) FROM batch")
        states = await c.fetch("SELECT DISTINCT state, audience FROM notice")
    assert tuple(row) == (1, 3, 0)
    assert [tuple(r) for r in states] == [("planned", 1)]


async def test_every_batch_is_hinted(world, plan):
    """The outbox holds one hint a batch."""
    await world.customer("PB11010000001", devices=["d1"])
    await world.customer("PB11010000002", phones=["+84901000002"])
    await world.notice(await world.outage())
    await plan()
    async with world.db.read() as c:
        topics = [r[0] for r in await c.fetch("SELECT topic FROM outbox ORDER BY topic")]
    assert topics == ["notice-batches.push.bulk.v1", "notice-batches.sms.bulk.v1"]
