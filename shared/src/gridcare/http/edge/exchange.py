"""The `receive` and `send` of one request, observed: limits of its body, headers of its answer."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from gridcare.http import problems
from gridcare.http.edge.bodies import BUSY_RETRY_AFTER_S, BodyBudget, BodyClock
from gridcare.http.edge.refusals import mark_no_room, note_refusal

DISCARD_MAX_BYTES: Final = 64 * 1024
DISCARD_TIMEOUT_S: Final = 0.5
"""What is left of a refused request's body is read away within these, so that the connection can be used again."""

_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "strict-transport-security": "max-age=31536000",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


class Exchange:
    """One request and its answer. `keeps_body` says, once the request is routed, whether its body is held in memory."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        request_id: str,
        clock: BodyClock,
        budget: BodyBudget,
        keeps_body: Callable[[Scope], bool],
    ) -> None:
        self.request_id = request_id
        self.started_s = time.perf_counter()
        self.status: int | None = None
        self._scope, self._receive, self._send = scope, receive, send
        self._clock, self._budget, self._keeps_body = clock, budget, keeps_body
        self._held_bytes = 0
        self._body_done = not _announces_body(scope)
        self._stalled = False
        self._too_large = False

    async def receive(self) -> Message:
        """Return the next part of the body. Raises HTTPException 408 when it is too slow, 503 when there is no room."""
        if self._body_done:
            return await self._receive()
        waiting_s = time.monotonic()
        try:
            async with asyncio.timeout(self._clock.left_s()):
                message = await self._receive()
        except TimeoutError:
            self._stalled = True
            raise HTTPException(408) from None
        size = len(message.get("body", b""))
        self._clock.came(size, after_s=time.monotonic() - waiting_s)
        self._body_done = not message.get("more_body", False)
        self._hold(size)
        return message

    def _hold(self, size_bytes: int) -> None:
        if not self._keeps_body(self._scope):
            self.let_go()  # the part before was used up when this one was asked for
        if not self._budget.take(size_bytes):
            mark_no_room(self._scope)
            note_refusal(self._scope)
            raise HTTPException(503, headers={"Retry-After": str(BUSY_RETRY_AFTER_S)})
        self._held_bytes += size_bytes

    def let_go(self) -> None:
        """Return what the request's body held to the budget."""
        self._budget.give_back(self._held_bytes)
        self._held_bytes = 0

    async def send(self, message: Message) -> None:
        """Send a part of the answer, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            if self._plain_too_large(headers):
                self._too_large = True
                return
            if not self._body_done and not await self._discard():
                headers["connection"] = "close"  # else the server would read the rest before the next request
            self._decorate(headers)
        elif self._too_large:
            await self._send_too_large()
            return
        await self._send(message)

    async def _discard(self) -> bool:
        """Read away a body that nobody wants. Return False where it does not end soon."""
        if self._stalled or "expect" in Headers(scope=self._scope):
            return False
        left_bytes = DISCARD_MAX_BYTES
        try:
            async with asyncio.timeout(DISCARD_TIMEOUT_S):
                while left_bytes > 0 and not self._body_done:
                    message = await self._receive()
                    left_bytes -= len(message.get("body", b""))
                    self._body_done = not message.get("more_body", False)
        except TimeoutError:
            return False
        return self._body_done

    def _plain_too_large(self, headers: MutableHeaders) -> bool:
        """Return whether this is Starlette's own plain-text 413 (for a body that nobody read), not a problem document."""
        return self.status == 413 and not headers.get("content-type", "").startswith(problems.MEDIA_TYPE)  # noqa: PLR2004 - an HTTP status

    async def _send_too_large(self) -> None:
        answer = problems.problem(
            status=413, code="body-too-large", trace_id=self.request_id, headers={"Connection": "close"}
        )
        headers = MutableHeaders(raw=answer.raw_headers)
        self._decorate(headers)
        await self._send({"type": "http.response.start", "status": 413, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": answer.body})

    def _decorate(self, headers: MutableHeaders) -> None:
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        headers["x-request-id"] = self.request_id


def _announces_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
