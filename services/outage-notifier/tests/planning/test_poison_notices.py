"""A notice that cannot be planned, or a delivery that cannot be followed up, is counted and parked; the others go on."""

from outage_notifier.ledger.flow.read_notices import read_notice
from outage_notifier.planning.flow.cut_follow_ups import cut_follow_ups
from outage_notifier.planning.flow.pack_due_singles import pack_due_singles
from outage_notifier.planning.flow.plan_notice import plan_due_notice


async def try_again(db):
    """Let pauses and leases be over."""
    async with db.transaction() as tx:
        await tx.execute("UPDATE poison SET retry_at = now() - interval '1 s' WHERE retry_at IS NOT NULL")
        await tx.execute(
            "UPDATE notice SET plan_lease_until = now() - interval '1 s' WHERE plan_lease_until IS NOT NULL"
        )


async def spoil(db, notice_id):
    """Change a notice's kind to one that only another release knows."""
    async with db.transaction() as tx:
        await tx.execute("UPDATE notice SET kind = 'zebra', template = 'zebra' WHERE notice_id = $1", notice_id)


async def states(db):
    async with db.read() as connection:
        return {row["notice_id"]: row["state"] for row in await connection.fetch("SELECT notice_id, state FROM notice")}


async def test_unplannable_notice_is_parked(world, planning, ledger, db):
    """A kind that this release does not know is parked after its tries, and its progress says so; the next is planned."""
    await world.customer("PB11010000001", phones=["+84901000001"])
    bad = await world.notice(await world.outage())
    await spoil(db, bad)
    rounds = 0
    while await plan_due_notice(room=planning):
        rounds += 1
        await try_again(db)
    assert rounds <= 6
    good = await world.notice(await world.outage())
    await plan_due_notice(room=planning)
    assert await states(db) == {bad: "scheduled", good: "planned"}
    assert (await read_notice(bad, room=ledger)).parked_at is not None
    assert (await read_notice(good, room=ledger)).parked_at is None


async def test_one_bad_single_waits_alone(world, planning, db):
    """Of one-recipient notices that are packed together only the bad one waits."""
    for n in (1, 2, 3):
        await world.customer(f"PB1101000000{n}", phones=[f"+8490100000{n}"])
    singles = [
        await world.notice(
            None,
            revision=None,
            kind="payment-received",
            audience_rule="one",
            recipient_id=f"PB1101000000{n}",
        )
        for n in (1, 2, 3)
    ]
    await spoil(db, singles[1])
    await pack_due_singles(room=planning)
    assert [(await states(db))[each] for each in singles] == ["planned", "scheduled", "planned"]
    async with db.transaction() as tx:
        await tx.execute("UPDATE notice SET kind = 'payment-received', template = 'payment-received'")
        await tx.execute("UPDATE poison SET retry_at = NULL")
    assert await pack_due_singles(room=planning) == 1


async def test_bad_follow_up_waits_alone(world, plan, planning, send, db):
    """Of deliveries that are due together, the one whose template is unknown waits; the others get into batches."""
    notices = []
    for n in (1, 2):
        await world.customer(f"PB1101000000{n}", feeder=f"FD{n}", phones=[f"+8490100000{n}"], devices=[f"d{n}"])
        notices.append(await world.notice(await world.outage(feeders=[f"FD{n}"]), kind="change"))
    await plan()
    await send()
    await spoil(db, notices[0])
    world.clock.move(minutes=31)
    assert await cut_follow_ups(room=planning) == 2
    assert await cut_follow_ups(room=planning) == 0
    assert await world.rows("SELECT notice_id FROM batch WHERE NOT home") == [(notices[1],)]
    assert await world.rows("SELECT kind, item_id FROM poison") == [("follow-up", f"{notices[0]}-1")]
