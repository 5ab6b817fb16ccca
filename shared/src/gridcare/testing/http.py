"""A token issuer on a real socket, and a client for an app in this process."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from gridcare.process.health import serve
from gridcare.process.lifecycle import Lifecycle
from gridcare.testing.signing import Algorithm, SigningKey


class Issuer:
    """An OIDC issuer as an ASGI app: discovery and keys, with requests counted; `down` makes it fail."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.reset()

    def reset(self) -> None:
        """Return to the initial state: one fresh key, up, fast, no requests counted."""
        self.keys = [SigningKey.new()]
        self.fetches = 0
        self.down = False
        self.delay_s = 0.0
        self.extra_keys: list[Any] = []
        self.raw_keys: bytes | None = None
        self.jwks_uri: object = None

    def rotate(self, *, algorithm: Algorithm = "ES256", keep_old: bool = True) -> SigningKey:
        """Sign with a new key from now on."""
        self.keys = [SigningKey.new(algorithm), *(self.keys if keep_old else [])]
        return self.keys[0]

    def claims(
        self,
        *,
        audience: str,
        sub: str = "somebody",
        roles: Sequence[str] = (),
        customer_codes: Sequence[str] = (),
        team_id: str | None = None,
    ) -> dict[str, Any]:
        """Return the claims of a good token that is valid for five minutes."""
        now = int(time.time())
        return {
            "iss": self.url,
            "aud": audience,
            "sub": sub,
            "iat": now,
            "exp": now + 300,
            "roles": list(roles),
            "customer_codes": list(customer_codes),
            "team_id": team_id,
        }

    def sign(self, claims: dict[str, Any], *, key: SigningKey | None = None, **headers: Any) -> str:
        """Return a token with any claims, good or bad."""
        return (key or self.keys[0]).sign(claims, **headers)

    def token(self, **facts: Any) -> str:
        """Return a good token; the arguments are those of `claims`."""
        return self.sign(self.claims(**facts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the ASGI signature
        if scope["type"] != "http":
            return
        status = 404
        document: dict[str, Any] = {}
        if scope["path"] == "/.well-known/openid-configuration":
            status, document = 200, {"issuer": self.url, "jwks_uri": self.jwks_uri or f"{self.url}/keys"}
        elif scope["path"] == "/keys":
            self.fetches += 1
            await asyncio.sleep(self.delay_s)
            status, document = 200, {"keys": [*(key.public_jwk() for key in self.keys), *self.extra_keys]}
        if self.down:
            status, document = 500, {}
        body = json.dumps(document).encode()
        if self.raw_keys is not None and scope["path"] == "/keys":
            body = self.raw_keys
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[tuple[Lifecycle, int]]:
    """Serve `app` on a free port of 127.0.0.1, as an api does; yield its life and the port."""
    life = Lifecycle()
    bound: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(serve(app, life, host="127.0.0.1", port=0, bound=bound))
    try:
        yield life, await asyncio.wait_for(bound, 10)
    finally:
        life.stop()
        await running


@asynccontextmanager
async def issuer() -> AsyncIterator[Issuer]:
    """Serve an Issuer on a free port of 127.0.0.1."""
    made = Issuer("")
    async with served(made) as (_, port):
        made.url = f"http://127.0.0.1:{port}"
        yield made


@asynccontextmanager
async def client_for(app: FastAPI, *, token: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client that calls `app` without a socket, inside the app's lifespan."""
    async with app.router.lifespan_context(app) as state:

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "state": dict(state or {})}, receive, send)

        transport = httpx.ASGITransport(app=with_state, raise_app_exceptions=False)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(transport=transport, base_url="http://gridcare.test", headers=headers) as client:
            yield client
