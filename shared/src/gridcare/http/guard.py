"""Who may go through a door is settled before anything of the body is read.

FastAPI reads and parses a body before it asks a route's dependencies. So every route of ours is a `GuardedRoute`: token, roles,
query parameters, Idempotency-Key and rate are checked first, and a refused request costs no more than its headers.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials

from gridcare.errors import Unauthenticated
from gridcare.http.auth import BEARER, Caller, Requirement
from gridcare.http.idempotency import parse_key
from gridcare.http.tokens.verifier import TokenVerifier
from gridcare.postgres.token_buckets import Buckets


@dataclass(frozen=True, slots=True)
class Public:
    """Why a route needs no token; `any_query` if the caller's own protocol decides the query parameters."""

    reason: str
    any_query: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRoute:
    """A checked route: whom it admits (None: everybody) and what it takes. `query` is None if any parameter will do.

    `keyed`: it demands an Idempotency-Key. `bucket`: what limits each caller's requests by the hour. `streamed`: it reads its
    body piece by piece and keeps none of it.
    """

    path: str
    methods: frozenset[str]
    name: str
    requirement: Requirement | None = None
    query: frozenset[str] | None = None
    keyed: bool = False
    bucket: str | None = None
    streamed: bool = False


@dataclass(frozen=True, slots=True)
class Doors:
    """What the guard needs of an app: its routes, by the `id` of the route object, who verifies tokens, and the buckets."""

    routes: dict[int, KnownRoute]
    verifier: TokenVerifier | None
    buckets: Buckets | None = None

    def of(self, scope: Any) -> KnownRoute | None:
        """Return the route that a request matched, or None."""
        return self.routes.get(id(scope.get("route")))


_DOORS: Final = "doors"


def put_doors(app: FastAPI, doors: Doors) -> None:
    """Tell an app's guard what to guard."""
    setattr(app.state, _DOORS, doors)


def doors_of(app: FastAPI) -> Doors:
    """Return what an app's guard guards."""
    doors: Doors = getattr(app.state, _DOORS)
    return doors


class GuardedRoute(APIRoute):
    """A route whose caller is known, and may come in, before the body is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with the guard before it."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            await _guard(request)
            return await handle(request)

        return guarded


class Router(APIRouter):
    """A room's router: each of its routes is guarded."""

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=GuardedRoute, **options)


async def _guard(request: Request) -> None:
    doors = doors_of(request.app)
    route = doors.routes[id(request.scope["route"])]
    if route.requirement is not None:
        request.state.caller = route.requirement.admit(await _caller(request, doors))
    _refuse_unknown_query(request, route)
    if route.keyed:
        parse_key(request.headers.get("idempotency-key"))
    if route.bucket is not None and doors.buckets is not None:
        await doors.buckets.take(route.bucket, request.state.caller.sub)


async def _caller(request: Request, doors: Doors) -> Caller:
    credentials: HTTPAuthorizationCredentials | None = await BEARER(request)
    if credentials is None:
        raise Unauthenticated("missing-token", "a bearer token is needed", headers={"WWW-Authenticate": "Bearer"})
    if doors.verifier is None:
        raise RuntimeError("this app was made to write its document, not to serve")
    return await doors.verifier.verify(credentials.credentials)


def _refuse_unknown_query(request: Request, route: KnownRoute) -> None:
    """Refuse a query parameter that the route does not declare with 422: a misspelt filter must not be ignored."""
    if route.query is None:
        return
    unknown = [name for name in request.query_params if name not in route.query]
    if unknown:
        raise RequestValidationError(
            [
                {"type": "unknown_parameter", "loc": ("query", name), "msg": "Unknown query parameter"}
                for name in unknown
            ]
        )
