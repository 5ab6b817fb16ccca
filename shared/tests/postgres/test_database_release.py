"""Releasing a connection whose server was killed in mid-request raises no second error."""

import asyncpg
import pytest

from gridcare.errors import Retryable
from gridcare.postgres.database import Database


class TakenAway:
    """A connection that the pool lent and has meanwhile taken back itself."""

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


async def test_a_dying_server_is_retryable():
    """The caller gets Retryable, so that an HTTP client gets 503 and not 500."""
    with pytest.raises(Retryable):
        async with Database(DyingPool()).read():
            raise asyncpg.ConnectionDoesNotExistError("the server went away")
