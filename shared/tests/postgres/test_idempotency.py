"""Idempotency-Keys: one effect, one result."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import pytest

from gridcare.errors import Conflict, Unprocessable
from gridcare.postgres import idempotency
from gridcare.postgres.database import Database
from gridcare.postgres.idempotency import IdempotentRequest, KeptAnswer, once

REQUEST = IdempotentRequest("somebody", "k1", b"one")


@dataclass
class Hand:
    """A clock that tests set."""

    time: datetime = datetime(2026, 11, 23, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


@dataclass(frozen=True)
class Shop:
    """A room."""

    db: Database
    clock: Hand
    effects: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Sale:
    """A result whose types JSON lacks: they must survive being stored."""

    sale_id: UUID
    sold_at: datetime
    words: tuple[str, ...]


async def sell(command: str, *, room: Shop) -> Sale:
    async with room.db.transaction() as tx:
        await tx.execute("INSERT INTO inbox (consumer, event_id) VALUES ($1, $2)", command, uuid4())
    if command == "broken":
        raise ZeroDivisionError
    room.effects.append(command)
    return Sale(uuid4(), room.clock.now(), ("a", command))


@pytest.fixture
def shop(db) -> Shop:
    return Shop(db, Hand())


async def sales(shop: Shop) -> int:
    async with shop.db.read() as connection:
        return await connection.fetchval("SELECT count(*) FROM inbox")


async def test_repeats_get_the_result(shop):
    """The use case runs once; its stored result equals the fresh one, types included."""
    first = await once(REQUEST, sell, "shoes", room=shop)
    kept = await once(REQUEST, sell, "shoes", room=shop)
    assert (kept.sale_id, kept.sold_at, kept.words) == (first.sale_id, first.sold_at, first.words)
    assert (shop.effects, await sales(shop)) == (["shoes"], 1)


async def test_a_reused_key_is_refused(shop):
    """The same key with another fingerprint is 422."""
    await once(REQUEST, sell, "shoes", room=shop)
    with pytest.raises(Unprocessable) as refused:
        await once(IdempotentRequest("somebody", "k1", b"two"), sell, "shoes", room=shop)
    assert refused.value.code == "idempotency-key-reused"


async def test_keys_belong_to_their_caller(shop):
    """The same key from another caller is another key."""
    first = await once(REQUEST, sell, "shoes", room=shop)
    assert await once(IdempotentRequest("another", "k1", b"two"), sell, "shoes", room=shop) != first


async def test_twins_are_409(shop):
    """While the first holds the key, the second gets 409 with Retry-After."""
    began, go = asyncio.Event(), asyncio.Event()

    async def slowly(command: str, *, room: Shop) -> Sale:
        began.set()
        await go.wait()
        return await sell(command, room=room)

    first = asyncio.create_task(once(REQUEST, slowly, "shoes", room=shop))
    await began.wait()
    with pytest.raises(Conflict) as refused:
        await once(REQUEST, sell, "shoes", room=shop)
    go.set()
    await first
    assert refused.value.headers["Retry-After"] == "1"


async def test_one_has_the_effect(shop):
    """Of twenty equal requests at once one is served; the others get its result or a 409."""
    results = await asyncio.gather(
        *(once(REQUEST, sell, "shoes", room=shop) for _ in range(20)), return_exceptions=True
    )
    assert (shop.effects, await sales(shop)) == (["shoes"], 1)
    assert all(isinstance(each, Sale | Conflict) for each in results)
    assert len({each for each in results if isinstance(each, Sale)}) == 1


async def test_a_failed_request_leaves_nothing(shop):
    """A failure rolls back the use case's own transactions and leaves the key free, even for another body."""
    with pytest.raises(ZeroDivisionError):
        await once(REQUEST, sell, "broken", room=shop)
    assert await sales(shop) == 0
    await once(IdempotentRequest("somebody", "k1", b"mended"), sell, "shoes", room=shop)
    assert await sales(shop) == 1


async def test_results_are_kept_seven_days(shop):
    """On the eighth day the key is free again, and forgetting deletes the row."""
    await once(REQUEST, sell, "shoes", room=shop)
    shop.clock.time += timedelta(days=8)
    await once(IdempotentRequest("somebody", "k1", b"two"), sell, "shoes", room=shop)
    assert shop.effects == ["shoes", "shoes"]
    async with shop.db.transaction() as tx:
        assert await idempotency.forget(tx, shop.clock.now() + timedelta(days=8), limit=10) == 1


async def test_a_result_of_another_shape(shop):
    """A result that another release kept in a shape unknown here is a conflict, at every repeat, without a second effect."""
    await once(REQUEST, sell, "shoes", room=shop)
    async with shop.db.transaction() as tx:
        await tx.execute("UPDATE idempotency SET result = $1", b'{"sale_id": "another shape"}')
    for _ in range(2):
        with pytest.raises(Conflict) as refused:
            await once(REQUEST, sell, "shoes", room=shop)
        assert refused.value.code == "idempotency-key-served"
    assert shop.effects == ["shoes"]


async def test_former_releases_see_a_conflict(shop):
    """A process of the release before, which reads status and body, finds a problem document that it can send."""
    await once(REQUEST, sell, "shoes", room=shop)
    async with shop.db.read() as connection:
        row = await connection.fetchrow("SELECT status, body FROM idempotency")
    assert (row["status"], json.loads(row["body"])["code"]) == (409, "idempotency-key-served")


async def test_an_answer_kept_before_upgrade(shop):
    """A key stored by the release that kept HTTP answers has no second effect: its repeat gets that answer."""
    async with shop.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO idempotency (caller, key, fingerprint, status, body, created_at) VALUES ($1, $2, $3, 201, $4, $5)",
            *(REQUEST.caller, REQUEST.key, REQUEST.fingerprint, b'{"sale": 1}', shop.clock.now()),
        )
    with pytest.raises(KeptAnswer) as kept:
        await once(REQUEST, sell, "shoes", room=shop)
    assert (kept.value.status, kept.value.body, shop.effects) == (201, b'{"sale": 1}', [])


async def test_unreadable_results_roll_back(shop):
    """A result that could not be read again is a bug that leaves no effect, not an answer that no repeat gets."""

    async def wrongly(command: str, *, room: Shop) -> Sale:
        await sell(command, room=room)
        return Sale("no uuid", room.clock.now(), ())

    with pytest.raises(msgspec.ValidationError):
        await once(REQUEST, wrongly, "shoes", room=shop)
    assert await sales(shop) == 0


async def test_notes_wait_for_commit(shop):
    """What a use case logs once its work is committed is not logged when the outer transaction fails."""
    logged = []

    async def noted(command: str, *, room: Shop) -> Sale:
        sale = await sell(command, room=room)
        room.db.on_commit(lambda: logged.append(command))
        assert logged == []
        return sale

    async def unkept(command: str, *, room: Shop) -> object:
        await noted(command, room=room)
        return object()  # which cannot be encoded

    with pytest.raises(TypeError):
        await once(REQUEST, unkept, "shoes", room=shop)
    assert (logged, await sales(shop)) == ([], 0)
    await once(REQUEST, noted, "shoes", room=shop)
    assert (logged, await sales(shop)) == (["shoes"], 1)
