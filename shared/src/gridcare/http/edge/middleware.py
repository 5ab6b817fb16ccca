"""What every request gets: an id, a log line, metrics, security headers, limits, and an answer when a bug is met."""

import time
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gridcare.http import problems
from gridcare.http.edge.address import client_address, counted_as
from gridcare.http.edge.bodies import BODIES_MAX_BYTES, BODY_GRACE_S, BODY_IDLE_TIMEOUT_S, BodyBudget, BodyClock
from gridcare.http.edge.exchange import Exchange
from gridcare.http.edge.refusals import had_no_room, mark_no_room, note_refusal
from gridcare.http.edge.tally import Tally
from gridcare.http.guard import Doors
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from gridcare.observability.tracing import current_trace_id

REQUESTS_MAX: Final = 500
"""Requests under way in one process; further ones are refused at once with 503 instead of waiting in memory."""

REQUESTS_PER_ADDRESS_MAX: Final = 125
"""Of these, what one client address may have under way: high for a carrier with many customers behind one address, and too
little for one stranger, who sends bodies a byte at a time, to take every place."""

OVERLOADED_RETRY_AFTER_S: Final = 1

UNMATCHED: Final = "/{unmatched}"

logger = get_logger()


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What one process gives to requests; the services keep the defaults."""

    requests_max: int = REQUESTS_MAX
    per_address_max: int = REQUESTS_PER_ADDRESS_MAX
    body_idle_timeout_s: float = BODY_IDLE_TIMEOUT_S
    body_grace_s: float = BODY_GRACE_S
    bodies_max_bytes: int = BODIES_MAX_BYTES


DEFAULT_LIMITS: Final = RequestLimits()


class RequestMiddleware:
    """ASGI middleware around the routes of an app."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        doors: Doors,
        limits: RequestLimits,
    ) -> None:
        self._app = app
        self._doors = doors
        self._limits = limits
        self._budget = BodyBudget(limits.bodies_max_bytes)
        self._under_way = Tally()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = current_trace_id() or uuid4().hex
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        exchange = Exchange(
            scope,
            receive,
            send,
            request_id=request_id,
            clock=BodyClock(idle_s=self._limits.body_idle_timeout_s, grace_s=self._limits.body_grace_s),
            budget=self._budget,
            keeps_body=self._keeps_body,
        )
        address = counted_as(client_address(Request(scope)))
        self._under_way.came(address)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._serve(scope, exchange, address)
            finally:
                self._under_way.went(address)
                exchange.let_go()
                self._account(scope, exchange)

    async def _serve(self, scope: Scope, exchange: Exchange, address: str) -> None:
        refusal = self._refusal(scope, exchange.request_id, address)
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

    def _keeps_body(self, scope: Scope) -> bool:
        route = self._doors.of(scope)
        return route is None or not route.streamed

    def _refusal(self, scope: Scope, request_id: str, address: str) -> Response | None:
        if self._under_way.of(address) > self._limits.per_address_max:  # there is room for everybody else: we are ready
            metrics.REQUESTS_REFUSED.inc(reason="address")
            return self._overloaded(scope, request_id)
        if self._under_way.total > self._limits.requests_max:
            metrics.REQUESTS_REFUSED.inc(reason="total")
            note_refusal(scope)
            return self._overloaded(scope, request_id)
        if "\x00" in scope["path"] or b"%00" in scope.get("query_string", b""):  # PostgreSQL text cannot hold NUL
            return problems.problem(
                status=400, code="invalid-character", detail="NUL in the address", trace_id=request_id
            )
        return None

    def _overloaded(self, scope: Scope, request_id: str) -> Response:
        mark_no_room(scope)
        wait = {"Retry-After": str(OVERLOADED_RETRY_AFTER_S)}
        return problems.problem(status=503, code="overloaded", trace_id=request_id, headers=wait)

    def _account(self, scope: Scope, exchange: Exchange) -> None:
        known = self._doors.of(scope)
        route = known.path if known else UNMATCHED
        method = scope["method"]
        duration_s = time.perf_counter() - exchange.started_s
        status = exchange.status or 499  # the client left before the answer began
        metrics.HTTP_REQUESTS.inc(route=route, method=method, status=str(status))
        if status >= 500 and not had_no_room(scope):  # noqa: PLR2004 - an HTTP status
            metrics.SERVER_ERRORS.inc(route=route)
        metrics.HTTP_REQUEST_SECONDS.observe(duration_s, route=route, method=method)
        logger.info(
            "request_served", route=route, method=method, status=status, duration_ms=round(duration_s * 1000, 1)
        )
