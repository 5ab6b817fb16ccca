"""Token buckets: so many requests an hour for each caller, whatever process takes them."""

import asyncio

import pytest

from gridcare.errors import TooManyRequests
from gridcare.postgres import token_buckets
from gridcare.postgres.token_buckets import Buckets


async def taken(buckets, *, tries, bucket="payments", subject="u1"):
    results = await asyncio.gather(*(buckets.take(bucket, subject) for _ in range(tries)), return_exceptions=True)
    return [each for each in results if each is not None], sum(each is None for each in results)


async def test_buckets_are_emptied(db):
    """Of many requests at once as many pass as an hour allows; the others are told when to come again."""
    refused, passed = await taken(Buckets(db, {"payments": 6}), tries=15)
    assert passed == 6
    assert {type(each) for each in refused} == {TooManyRequests}
    assert {each.code for each in refused} == {"too-many-requests"}
    assert all(590 <= int(each.headers["Retry-After"]) <= 600 for each in refused)


async def test_buckets_fill_again(db):
    """After a sixth of an hour one of six tokens is back, and no more."""
    buckets = Buckets(db, {"payments": 6})
    await taken(buckets, tries=6)
    async with db.transaction() as tx:
        await tx.execute("UPDATE token_bucket SET full_at = full_at - interval '601 seconds'")
    assert (await taken(buckets, tries=3))[1] == 1


@pytest.mark.parametrize("back_s", [3_700, 400 * 24 * 3600])
async def test_clocks_set_back_silence_nobody(db, back_s):
    """A bucket that by the clock is full only after more than it can hold was emptied by another clock: it is full again."""
    buckets = Buckets(db, {"payments": 6})
    await taken(buckets, tries=6)
    async with db.transaction() as tx:
        await tx.execute("UPDATE token_bucket SET full_at = full_at + make_interval(secs => $1)", back_s)
    assert (await taken(buckets, tries=9))[1] == 6


async def test_buckets_are_apart(db):
    """Another caller, and another bucket of the same caller, are not affected."""
    buckets = Buckets(db, {"payments": 1, "devices": 1})
    await buckets.take("payments", "u1")
    with pytest.raises(TooManyRequests):
        await buckets.take("payments", "u1")
    await buckets.take("payments", "u2")
    await buckets.take("devices", "u1")


async def test_full_buckets_are_forgotten(db):
    """A row says nothing once its bucket is full."""
    buckets = Buckets(db, {"payments": 3600})
    await buckets.take("payments", "u1")
    await taken(buckets, tries=100, subject="u2")
    async with db.transaction() as tx:
        await tx.execute("UPDATE token_bucket SET full_at = full_at - interval '50 seconds'")
        assert await token_buckets.forget(tx, limit=10) == 1
