"""Calls the services as their users do: with tokens, Idempotency-Keys and patience, and writes down what was answered."""

import asyncio
import ssl
import time
import uuid
from collections.abc import Mapping
from typing import Any

import httpx
from tests.faults.rig.journal import Journal, Operation
from tests.faults.rig.rig import Rig

from gridcare_local.emulators.oidc.keys import mint
from gridcare_local.stack.catalog import SERVICES

REQUEST_TIMEOUT_S = 10.0
PATIENCE_S = 120.0
AGAIN_S = 0.3
TOKEN_LIFETIME_S = 6 * 3600
AGAIN_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
IN_USE = "idempotency-key-in-use"


class Caller:
    """Sends requests until they have a definite answer. Tokens are those of the emulated issuer, minted without asking it."""

    def __init__(self, rig: Rig, journal: Journal) -> None:
        self.rig = rig
        self.journal = journal
        self._client = httpx.AsyncClient(
            timeout=REQUEST_TIMEOUT_S,
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            trust_env=False,
            limits=httpx.Limits(max_connections=200, max_keepalive_connections=50),
        )
        self.elsewhere: dict[str, str] = {}
        """Addresses of services that are reached at another one for now."""
        self._tokens: dict[tuple[str, tuple[str, ...]], str] = {}

    async def close(self) -> None:
        """Close the client."""
        await self._client.aclose()

    def token(self, role: str, *codes: str) -> str:
        """Return a token; a customer's subject is the code."""
        known = self._tokens.get((role, codes))
        if known is None:
            claims: dict[str, object] = {
                "sub": codes[0] if codes else f"campaign-{role}",
                "aud": list(SERVICES),
                "roles": [role],
                "customer_codes": list(codes),
            }
            catalog = self.rig.catalog
            issuer = catalog.emulator_url("oidc")
            known = mint(catalog.emulator_dir("oidc"), issuer, claims, lifetime_s=TOKEN_LIFETIME_S)
            self._tokens[role, codes] = known
        return known

    async def once(
        self, method: str, service: str, path: str, *, token: str = "", key: str = "", body: object = None, **more: Any
    ) -> httpx.Response:
        """Send one request, and count its status. Raises httpx.TransportError."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if key:
            headers["Idempotency-Key"] = key
        began = time.monotonic()
        try:
            base = self.elsewhere.get(service) or self.rig.catalog.api_url(service)
            answer = await self._client.request(method, base + path, headers=headers, json=body, **more)
        except httpx.TransportError as error:
            self.journal.statuses[type(error).__name__] += 1
            raise
        self.journal.statuses[str(answer.status_code)] += 1
        if answer.status_code == 503:
            self.journal.slow_refusals.append(time.monotonic() - began)
        return answer

    async def insist(
        self, operation: Operation, service: str, path: str, body: Mapping[str, Any], *, token: str, key: str
    ) -> dict[str, Any] | None:
        """Post until there is a definite answer, with the same key. Return the answer if it was accepted, else None."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            operation.tries += 1
            try:
                answer = await self.once("POST", service, path, token=token, key=key, body=body)
            except httpx.TransportError:
                await asyncio.sleep(AGAIN_S)
                continue
            content = _json(answer)
            if answer.status_code in AGAIN_STATUSES or content.get("code") == IN_USE:
                await asyncio.sleep(AGAIN_S)
                continue
            self.journal.answered(operation, answer.status_code, content)
            return content if answer.status_code < 300 else None
        return None

    async def tell_emulator(self, provider: str, path: str, body: Mapping[str, Any]) -> None:
        """Post to an emulator's own interface until it has taken it. Raises httpx.HTTPStatusError, httpx.TransportError."""
        deadline = time.monotonic() + PATIENCE_S
        url = f"{self.rig.catalog.emulator_url(provider)}/_emulator/{path}"
        while True:
            try:
                answer = await self._client.post(url, json=body)
            except httpx.TransportError:  # the machine is busy
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(AGAIN_S)
            else:
                answer.raise_for_status()
                return


def new_key() -> str:
    """Return a fresh Idempotency-Key."""
    return str(uuid.uuid4())


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        content = answer.json() if answer.content else {}
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {"items": content}
