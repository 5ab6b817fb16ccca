"""What the pool is told when a server dies in mid-request, or is slow to connect to."""

import asyncio

import asyncpg
import pytest

from gridcare.errors import Retryable
from gridcare.postgres.database import Database
from gridcare.testing.waiting import eventually

CONNECTING_S = 0.3


class TakenAway:
    """A connection that the pool lent and has meanwhile taken back itself."""

    def terminate(self) -> None:
        raise asyncpg.InterfaceError("released back to the pool")


class DyingPool:
    """A pool whose server died while a connection was lent."""

    async def acquire(self) -> TakenAway:
        return TakenAway()

    async def release(self, connection: TakenAway, *, timeout: float) -> None:  # noqa: ASYNC109 - asyncpg's own signature
        raise asyncpg.InternalClientError("unexpected state")

    def get_max_size(self) -> int:
        return 1


async def test_a_dying_server_is_retryable():
    """The caller gets Retryable, so that an HTTP client gets 503 and not 500."""
    with pytest.raises(Retryable):
        async with Database(DyingPool()).read():
            raise asyncpg.ConnectionDoesNotExistError("the server went away")


class SlowPool(DyingPool):
    """A pool of one connection, to a server that takes its time to let a client in."""

    def __init__(self) -> None:
        self.given_back = 0

    async def acquire(self) -> TakenAway:
        if not self.given_back:
            await asyncio.sleep(CONNECTING_S)
        return TakenAway()

    async def release(self, connection: TakenAway, *, timeout: float) -> None:  # noqa: ASYNC109 - asyncpg's own signature
        self.given_back += 1


async def test_connecting_goes_on():
    """Who waits no longer is refused; the connection is made all the same, and lent to the next."""
    pool = SlowPool()
    db = Database(pool, patience_s=CONNECTING_S / 10)
    for _ in range(2):  # the second waits for the only place in the pool
        with pytest.raises(Retryable):
            async with db.read():
                raise AssertionError("there was no connection yet")
    await eventually(lambda: pool.given_back == 1)
    async with db.read():
        pass
    assert pool.given_back == 2
