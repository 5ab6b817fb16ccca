"""What every request gets: an id, a log line, metrics, security headers, limits, and an answer when a bug is met."""

import asyncio
import time
from collections.abc import Callable
from typing import Final
from uuid import uuid4

import structlog
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gridcare.http import documentation, problems
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from gridcare.observability.tracing import current_trace_id

BODY_IDLE_TIMEOUT_S: Final = 20
"""A client that sends no part of its body for this long is disconnected (slow-loris)."""

REQUESTS_MAX: Final = 500
"""Requests under way in one process; further ones are refused at once with 503 instead of waiting in memory."""

OVERLOADED_RETRY_AFTER_S: Final = 1

UNMATCHED: Final = "/{unmatched}"

_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "strict-transport-security": "max-age=31536000",
}
_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"

logger = get_logger()


class RequestMiddleware:
    """ASGI middleware around the routes of an app; `route_of` returns the route template of a matched request."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        route_of: Callable[[Scope], str | None],
        body_idle_timeout_s: float = BODY_IDLE_TIMEOUT_S,
        requests_max: int = REQUESTS_MAX,
    ) -> None:
        self._app = app
        self._route_of = route_of
        self._body_idle_timeout_s = body_idle_timeout_s
        self._requests_max = requests_max
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = current_trace_id() or uuid4().hex
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        exchange = _Exchange(scope, receive, send, request_id, self._body_idle_timeout_s)
        self._under_way += 1
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._serve(scope, exchange)
            finally:
                self._under_way -= 1
                self._account(scope, exchange)

    async def _serve(self, scope: Scope, exchange: "_Exchange") -> None:
        refusal = self._refusal(scope, exchange.request_id)
        if refusal is not None:
            await refusal(scope, exchange.receive, exchange.send)
            return
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            return  # nobody is left to answer
        except Exception as error:  # the last line of defence: anything else is a bug
            answer = problems.internal_error(Request(scope), error)
            if exchange.status is not None:
                raise  # half an answer is out: break the connection, or the client takes it for a whole one
            await answer(scope, exchange.receive, exchange.send)

    def _refusal(self, scope: Scope, request_id: str) -> Response | None:
        if self._under_way > self._requests_max:
            wait = {"Retry-After": str(OVERLOADED_RETRY_AFTER_S)}
            return problems.problem(status=503, code="overloaded", trace_id=request_id, headers=wait)
        if "\x00" in scope["path"] or b"%00" in scope.get("query_string", b""):  # PostgreSQL text cannot hold NUL
            return problems.problem(
                status=400, code="invalid-character", detail="NUL in the address", trace_id=request_id
            )
        return None

    def _account(self, scope: Scope, exchange: "_Exchange") -> None:
        route = self._route_of(scope) or UNMATCHED
        method = scope["method"]
        duration_s = time.perf_counter() - exchange.started_s
        status = exchange.status or 499  # the client left before the answer began
        metrics.HTTP_REQUESTS.inc(route=route, method=method, status=str(status))
        metrics.HTTP_REQUEST_SECONDS.observe(duration_s, route=route, method=method)
        logger.info(
            "request_served", route=route, method=method, status=status, duration_ms=round(duration_s * 1000, 1)
        )


class _Exchange:
    """The `receive` and `send` of one request, observed."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, request_id: str, body_idle_timeout_s: float) -> None:
        self.request_id = request_id
        self._body_idle_timeout_s = body_idle_timeout_s
        self.started_s = time.perf_counter()
        self.status: int | None = None
        self._docs = scope["path"].startswith(documentation.PAGE)
        self._receive = receive
        self._send = send
        self._body_done = False
        self._too_large = False

    async def receive(self) -> Message:
        if self._body_done:
            return await self._receive()
        try:
            async with asyncio.timeout(self._body_idle_timeout_s):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408) from None
        self._body_done = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            if self._plain_too_large(headers):
                self._too_large = True
                return
            self._decorate(headers)
        elif self._too_large:
            await self._send_too_large()
            return
        await self._send(message)

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
        if not self._docs:
            headers.setdefault("content-security-policy", _POLICY)
        headers["x-request-id"] = self.request_id
