"""A pytest plugin with what every service's tests need: who issues tokens, who calls the app, and what the outbox holds."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from gridcare.events import Envelope, decode
from gridcare.postgres.database import Database
from gridcare.testing.http import Issuer, issuer

Outbox = Callable[[], Awaitable[list[Envelope]]]


@dataclass(kw_only=True)
class Api:
    """Calls a service's app with a token for the caller whom a test describes.

    `audience` is the service's name; `roles` and customer `codes` are those of a caller who is not described.
    """

    client: httpx.AsyncClient
    tokens: Issuer
    audience: str
    roles: Sequence[str] = ()
    codes: Sequence[str] = ()

    async def call(
        self,
        method: str,
        path: str,
        *,
        sub: str = "somebody",
        roles: Sequence[str] | None = None,
        codes: Sequence[str] | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **request: Any,
    ) -> httpx.Response:
        """Send a request; `key` is its Idempotency-Key, `request` goes to httpx."""
        token = self.tokens.token(
            audience=self.audience,
            sub=sub,
            roles=self.roles if roles is None else roles,
            customer_codes=self.codes if codes is None else codes,
        )
        own = {"authorization": f"Bearer {token}", **({"idempotency-key": key} if key else {})}
        return await self.client.request(method, path, headers={**own, **(headers or {})}, **request)


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
