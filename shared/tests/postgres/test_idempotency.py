"""Idempotency-Keys: one effect, one answer."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gridcare.errors import Conflict, Unprocessable
from gridcare.postgres import idempotency
from gridcare.postgres.idempotency import Answer, IdempotentRequest

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ASKED = IdempotentRequest("somebody", "k1", b"one")


async def ask(db, request=ASKED, *, now=NOW, answer=b"{}"):
    async with db.transaction() as tx:
        earlier = await idempotency.begin(tx, request, now)
        if earlier is not None:
            return earlier
        await idempotency.store(tx, request, Answer(201, answer), now)
        return None


async def test_the_second_request_gets_the_first_answer(db):
    """The stored status and body come back byte for byte."""
    await ask(db, answer=b'{"a": 1}')
    assert await ask(db) == Answer(201, b'{"a": 1}')


async def test_a_key_used_for_another_request_is_refused(db):
    """Another fingerprint under the same key is 422."""
    await ask(db)
    with pytest.raises(Unprocessable) as refused:
        await ask(db, IdempotentRequest("somebody", "k1", b"two"))
    assert refused.value.code == "idempotency-key-reused"


async def test_keys_belong_to_their_caller(db):
    """Somebody else's equal key is another key."""
    await ask(db)
    assert await ask(db, IdempotentRequest("another", "k1", b"two")) is None


async def test_a_twin_under_way_is_told_to_come_back(db):
    """While the first holds the key, the second gets 409 with Retry-After."""
    async with db.transaction() as tx:
        await idempotency.begin(tx, ASKED, NOW)
        with pytest.raises(Conflict) as refused:
            await ask(db)
    assert refused.value.headers["Retry-After"] == "1"


async def test_of_many_at_once_one_has_the_effect(db):
    """Twenty equal requests at once: one is served, the others replay or come back later."""
    results = await asyncio.gather(*(ask(db) for _ in range(20)), return_exceptions=True)
    assert sum(r is None for r in results) == 1
    assert all(r is None or isinstance(r, Answer | Conflict) for r in results)


async def test_a_request_that_failed_is_not_kept(db):
    """What rolls back leaves the key free, for another body too."""
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await idempotency.begin(tx, ASKED, NOW)
            raise ZeroDivisionError
    assert await ask(db, IdempotentRequest("somebody", "k1", b"mended")) is None


async def test_answers_are_kept_seven_days(db):
    """On the eighth day the key is free again, and forgetting deletes the row."""
    await ask(db)
    later = NOW + timedelta(days=8)
    assert await ask(db, IdempotentRequest("somebody", "k1", b"two"), now=later) is None
    async with db.transaction() as tx:
        assert await idempotency.forget(tx, later + timedelta(days=8)) == 1
