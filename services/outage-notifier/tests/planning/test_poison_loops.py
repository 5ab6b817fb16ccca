"""A row that raises in a worker's loop over batches, covers or strays is counted and parked; the others go on."""

from functools import partial

from outage_notifier_testing.poison import refuse_change, try_often

from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.planning.flow.cut_follow_ups import cut_follow_ups
from outage_notifier.planning.flow.hint_batches import hint_again
from outage_notifier.planning.flow.look_at_covers import look_at_covers
from outage_notifier.planning.flow.recut_strays import recut_strays

BUSY = Outcome(OutcomeKind.RETRY, "QUOTA_EXCEEDED", retry_after_s=60)


async def test_bad_hint_waits_alone(world, plan, planning, db):
    """Of batches that nobody heard of, one cannot be hinted at: the other is, and the bad one is parked."""
    for n in (1, 2):
        await world.customer(f"PB1101000000{n}", feeder=f"FD{n}", phones=[f"+8490100000{n}"])
        await world.notice(await world.outage(feeders=[f"FD{n}"]))
    await plan()
    async with db.transaction() as tx:
        await tx.execute("UPDATE batch SET hinted_at = now() - interval '1 day'")
    bad, good = await world.batches()
    await refuse_change(world.owner_db, "batch", f"NEW.batch_id = '{bad}'")
    assert await try_often(db, partial(hint_again, room=planning)) == [("hint", str(bad))]
    assert await world.rows("SELECT batch_id FROM batch WHERE hints > 1") == [(good,)]


async def test_bad_cover_waits_alone(world, plan, planning, send, db):
    """Of covers that are due, one cannot be looked at: the other is, and the bad one is parked."""
    codes = [f"PB1101000000{n}" for n in range(1, 5)]
    for n, code in enumerate(codes):
        await world.customer(code, phones=[f"+8490100000{n // 2}"])
    notice_id = await world.notice(await world.outage())
    await plan()
    await send()
    bad = f"{notice_id}-{codes[1]}"
    await refuse_change(world.owner_db, "cover", f"NEW.recipient_id = '{codes[1]}'")
    assert await try_often(db, partial(look_at_covers, room=planning)) == [("cover", bad)]
    assert await world.rows("SELECT recipient_id FROM cover WHERE look_at IS NULL") == [(codes[3],)]


async def test_bad_stray_waits_alone(world, planned, planning, send, *, fake_push, db):
    """Of strays, one cannot be made due: the others are, and the bad one is parked."""
    fake_push.outcomes = {f"d{n}": BUSY for n in range(4)}
    notice_id = await planned(4, each=lambda n: {"devices": [f"d{n}"]})
    await send()
    world.clock.move(seconds=61)
    await cut_follow_ups(room=planning)
    async with db.transaction() as tx:
        await tx.execute("UPDATE batch SET state = 'settled' WHERE NOT home")
    await refuse_change(world.owner_db, "delivery", "NEW.number = 2")
    [(bad,)] = await world.rows("SELECT recipient_id FROM delivery WHERE number = 2")
    assert await try_often(db, partial(recut_strays, room=planning)) == [("stray", f"{notice_id}-{bad}")]
    assert await world.rows("SELECT count(*) FROM delivery WHERE next_attempt_at IS NOT NULL") == [(3,)]
