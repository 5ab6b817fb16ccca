"""A provider account's rate: shared by all senders, a part of it kept for each lane, and never passed."""

import asyncio
from random import Random

import pytest

from gridcare.testing.waiting import eventually
from outage_notifier.sending import store as rate_grant
from outage_notifier.sending.flow.take_rate import take_rate
from outage_notifier.sending.rate import GRANTS_PER_S, Rate

ACCOUNT = "twilio:AC1"
RESERVED = {"urgent": 20, "transactional": 20}
FAR_SECOND = 10**10


@pytest.fixture
async def second(db):
    """Return a function that says which second the account's row is in, and what its lanes took."""

    async def write(number, *, bulk=0):
        async with db.transaction() as tx:
            await tx.execute(
                "INSERT INTO rate_grant VALUES ($1, $2, 0, 0, $3)"
                " ON CONFLICT (account) DO UPDATE SET second = excluded.second, bulk = excluded.bulk",
                *(ACCOUNT, number, bulk),
            )

    return write


@pytest.fixture
async def take(db, second):
    """Return a function that takes from a rate of 100, in a second that does not end."""
    await second(FAR_SECOND)

    async def run(lane, wanted, *, reserved=RESERVED):
        async with db.transaction() as tx:
            granted, _ = await rate_grant.take(tx, ACCOUNT, lane=lane, wanted=wanted, rate_per_s=100, reserved=reserved)
        return granted

    return run


async def test_reservations_are_kept(take):
    """Bulk takes all but what is kept for the others, who get theirs and no more."""
    assert [await take("bulk", 100), await take("bulk", 1)] == [60, 0]
    assert [await take("urgent", 50), await take("urgent", 1)] == [20, 0]
    assert [await take("transactional", 15), await take("transactional", 15)] == [15, 5]


async def test_used_reservations_bind_nobody(take):
    """What a lane took of its reservation is not kept for it a second time."""
    assert [await take("urgent", 30), await take("transactional", 20), await take("bulk", 100)] == [30, 20, 50]


async def test_unreserved_rate_is_anybodys(take):
    """Without reservations one lane may take it all."""
    assert [await take("bulk", 100, reserved={}), await take("urgent", 1, reserved={})] == [100, 0]


@pytest.mark.parametrize("seed", range(5))
async def test_grants_never_pass_the_rate(take, seed):
    """Whatever the lanes ask for, in any order: each gets at most what it wants, and together they get the rate."""
    draw = Random(seed)  # noqa: S311 - a repeatable order
    granted = 0
    for _ in range(60):
        wanted = draw.randint(1, 9)
        got = await take(draw.choice(["urgent", "transactional", "bulk"]), wanted)
        assert 0 <= got <= wanted
        granted += got
    granted += sum([await take(lane, 100) for lane in ("urgent", "transactional", "bulk")])
    assert granted == 100


async def test_new_second_starts_anew(db, second):
    """What was taken in an earlier second does not count."""
    await second(0, bulk=100)
    async with db.transaction() as tx:
        granted, next_second_s = await rate_grant.take(tx, ACCOUNT, lane="bulk", wanted=70, rate_per_s=100, reserved={})
    assert granted == 70
    assert 0 <= next_second_s <= 1


async def test_two_senders_share_an_account(db, second, sending):
    """Sixty calls of two senders at a rate of forty: forty are made in the second, the others wait."""
    await second(FAR_SECOND)
    senders = [Rate(ACCOUNT, 2 * GRANTS_PER_S, {}) for _ in range(2)]
    calls = [asyncio.create_task(take_rate(senders[n % 2], "bulk", room=sending)) for n in range(60)]

    async def granted_whole():
        async with db.read() as c:
            return await c.fetchval("SELECT bulk FROM rate_grant") == 40

    try:
        await eventually(lambda: sum(call.done() for call in calls) == 40)
        await eventually(granted_whole)
        assert sum(call.done() for call in calls) == 40
    finally:
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def test_grants_are_leased_in_parts(second, sending):
    """One call leases a twentieth of a second's rate, which the next calls of that lane count down without the database."""
    await second(FAR_SECOND)
    rate = Rate(ACCOUNT, 5 * GRANTS_PER_S, {})
    assert not rate.take_now("bulk")
    await take_rate(rate, "bulk", room=sending)
    assert [rate.take_now("bulk") for _ in range(5)] == [True] * 4 + [False]
    assert not rate.take_now("urgent")


async def test_next_second_serves_who_waits(db, sending):
    """At one call a second a third one is made within a few seconds."""
    rate = Rate(ACCOUNT, 1, {})
    async with asyncio.timeout(10):
        for _ in range(3):
            await take_rate(rate, "bulk", room=sending)
    async with db.read() as c:
        assert await c.fetchval("SELECT bulk FROM rate_grant") == 1
