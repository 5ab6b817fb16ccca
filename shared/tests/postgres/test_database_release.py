"""A connection that died is given back without a second error: the server was killed in mid-request."""

import asyncpg
import pytest

from gridcare.errors import Retryable
from gridcare.postgres.database import Database


class TakenAway:
    """What the pool lent: used up, and by now taken away by the pool itself."""

    def terminate(self) -> None:
        raise asyncpg.InterfaceError("released back to the pool")


class DyingPool:
    """A pool whose server died while a connection was lent."""

    async def acquire(self, *, timeout: float) -> TakenAway:  # noqa: ASYNC109 - asyncpg's own signature
        return TakenAway()

    async def release(self, connection: TakenAway, *, timeout: float) -> None:  # noqa: ASYNC109 - asyncpg's own signature
        raise asyncpg.InternalClientError("unexpected state")

    def get_size(self) -> int:
        return 1

    def get_idle_size(self) -> int:
        return 0


async def test_what_ends_with_the_server_is_trouble_that_may_pass():
    """The caller gets Retryable, and so an HTTP client 503 and no 500."""
    with pytest.raises(Retryable):
        async with Database(DyingPool()).read():
            raise asyncpg.ConnectionDoesNotExistError("the server went away")
