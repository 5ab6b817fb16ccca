"""A pytest plugin with what every service's tests need: who issues tokens, and what the outbox holds."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from gridcare.events import Envelope, decode
from gridcare.postgres.database import Database
from gridcare.testing.http import Issuer, issuer

Outbox = Callable[[], Awaitable[list[Envelope]]]


@pytest.fixture(scope="session")
async def tokens() -> AsyncIterator[Issuer]:
    """Yield an issuer of tokens, running."""
    async with issuer() as made:
        yield made


@pytest.fixture
def outbox(db: Database) -> Outbox:
    """Return a function that reads what the outbox holds, as a consumer would."""

    async def read() -> list[Envelope]:
        async with db.read() as connection:
            rows = await connection.fetch("SELECT key, value, headers FROM outbox ORDER BY id")
        return [decode(r["key"], r["value"], [(n, v.encode()) for n, v in json.loads(r["headers"])]) for r in rows]

    return read
