"""A provider account's rate: shared by all senders, a part of it kept for each lane, and never passed."""

import asyncio
from dataclasses import replace
from random import Random

import pytest

from gridcare.postgres.database import Database
from gridcare.testing.waiting import eventually
from outage_notifier.sending import store as rate_grant
from outage_notifier.sending.flow.take_rate import take_rate
from outage_notifier.sending.rate import GRANTS_PER_S, Rate

ACCOUNT = "twilio:AC1"
RESERVED = {"urgent": 20, "transactional": 20}
SECOND = 1_796_000_000


@pytest.fixture
async def standing(owner_url):
    """Yield the test's database with a clock that stands at SECOND: a function found before PostgreSQL's own of that name."""
    before = f"{owner_url}?search_path=standing,pg_catalog,public"
    async with Database.open(before, application_name="tests") as db:
        async with db.transaction() as tx:
            await tx.execute("CREATE SCHEMA standing")
            await tx.execute("CREATE TABLE standing.clock AS SELECT $1::bigint AS second", SECOND)
            await tx.execute(
                "CREATE FUNCTION standing.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE"
                " AS 'SELECT to_timestamp(second + 0.25) FROM standing.clock'"
            )
        yield db


@pytest.fixture
def step(standing):
    """Return a function that sets the database's clock by so many seconds."""

    async def run(seconds):
        async with standing.transaction() as tx:
            await tx.execute("UPDATE standing.clock SET second = second + $1", seconds)

    return run


@pytest.fixture
def take(standing):
    """Return a function that takes from a rate of 100, in a second that does not end."""

    async def run(lane, wanted, *, reserved=RESERVED):
        async with standing.transaction() as tx:
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


@pytest.mark.parametrize("seconds", [1, 3600, -1, -3600])
async def test_other_second_starts_anew(standing, take, step, seconds):
    """What was taken in another second does not count, even if the clock was set back: a step never silences senders."""
    assert [await take("bulk", 100, reserved={}), await take("bulk", 1, reserved={})] == [100, 0]
    await step(seconds)
    async with standing.transaction() as tx:
        taken = await rate_grant.take(tx, ACCOUNT, lane="bulk", wanted=70, rate_per_s=100, reserved={})
    assert taken == (70, 0.75)


async def test_waiting_is_no_other_second(standing, step):
    """Who waited for the account's row, from one second into the next, counts in the second in which it gets it."""
    async with standing.transaction() as first:
        await rate_grant.take(first, ACCOUNT, lane="bulk", wanted=60, rate_per_s=100, reserved={})
        waiting = asyncio.create_task(taken(standing, 60))
        await eventually(lambda: waits_for_a_lock(standing))
        await step(1)
        await rate_grant.take(first, ACCOUNT, lane="bulk", wanted=60, rate_per_s=100, reserved={})
    assert await waiting == 40


async def taken(db, wanted):
    async with db.transaction() as tx:
        return (await rate_grant.take(tx, ACCOUNT, lane="bulk", wanted=wanted, rate_per_s=100, reserved={}))[0]


async def waits_for_a_lock(db):
    async with db.read() as c:
        query = (
            "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return await c.fetchval(query)


async def test_two_senders_share_an_account(standing, sending):
    """Sixty calls of two senders at a rate of forty: forty are made in the second, the others wait."""
    room = replace(sending, db=standing)
    senders = [Rate(ACCOUNT, 2 * GRANTS_PER_S, {}) for _ in range(2)]
    calls = [asyncio.create_task(take_rate(senders[n % 2], "bulk", room=room)) for n in range(60)]

    async def granted_whole():
        async with standing.read() as c:
            return await c.fetchval("SELECT bulk FROM rate_grant") == 40

    try:
        await eventually(lambda: sum(call.done() for call in calls) == 40)
        await eventually(granted_whole)
        assert sum(call.done() for call in calls) == 40
    finally:
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def test_grants_are_leased_in_parts(standing, sending):
    """One call leases a twentieth of a second's rate, which the next calls of that lane count down without the database."""
    rate = Rate(ACCOUNT, 5 * GRANTS_PER_S, {})
    assert not rate.take_now("bulk")
    await take_rate(rate, "bulk", room=replace(sending, db=standing))
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
