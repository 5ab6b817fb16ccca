"""A notice that cannot be completed is counted and parked; the others are completed."""

from functools import partial

import pytest
from outage_notifier_testing.poison import refuse_change, try_often

from outage_notifier.ledger.flow.complete_notices import complete_notices


async def large(world, n):
    return await world.notice(await world.outage(feeders=[f"FD{n}"]))


async def single(world, n):
    code = f"PB1101000000{n}"
    changes = {"kind": "payment-received", "audience_rule": "one", "recipient_id": code}
    return await world.notice(None, revision=None, **changes)


@pytest.mark.parametrize("make", [large, single])
async def test_bad_completion_waits_alone(world, plan, send, ledger, *, db, make):
    """Of two notices that are done, one cannot be completed: the other is, and the bad one is parked."""
    for n in (1, 2):
        await world.customer(f"PB1101000000{n}", feeder=f"FD{n}", phones=[f"+8490100000{n}"])
    bad, good = [await make(world, n) for n in (1, 2)]
    await plan()
    await send()
    await refuse_change(world.owner_db, "notice", f"NEW.notice_id = '{bad}'")
    assert await try_often(db, partial(complete_notices, room=ledger)) == [("completion", str(bad))]
    assert await world.rows("SELECT notice_id FROM notice WHERE state = 'completed'") == [(good,)]
