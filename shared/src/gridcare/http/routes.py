"""What every route must declare: who may call it and which query parameters it takes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.params import Query
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.requests import Request
from starlette.routing import Route

from gridcare.http.auth import caller

F = TypeVar("F", bound=Callable[..., Any])

_MARK: Final = "__gridcare_public__"


@dataclass(frozen=True, slots=True)
class Public:
    """Why a route needs no token; `any_query` if the caller's own protocol decides the query parameters."""

    reason: str
    any_query: bool


def public(reason: str, *, any_query: bool = False) -> Callable[[F], F]:
    """Mark an endpoint as open to everybody. Goes below the router's decorator.

    A provider's callback, whose signature covers whatever it sends, takes `any_query=True`.
    """

    def mark(endpoint: F) -> F:
        setattr(endpoint, _MARK, Public(reason, any_query))
        return endpoint

    return mark


@dataclass(frozen=True, slots=True)
class KnownRoute:
    """A checked route; `query` is None if it takes any query parameter."""

    path: str
    methods: frozenset[str]
    name: str
    public: Public | None
    query: frozenset[str] | None


def check(app: FastAPI, *, own: frozenset[int]) -> dict[int, KnownRoute]:
    """Return every route of `app` by the `id` of its route object; `own` holds the ids of the framework's own (its docs).

    Raises ValueError for a route that is neither guarded nor public, one that is not a FastAPI route, and a repeated name.
    """
    known: dict[int, KnownRoute] = {}
    names: set[str] = set()
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if id(route) in own and isinstance(route, Route):
            known[id(route)] = KnownRoute(route.path, frozenset(route.methods or ()), route.name, None, None)
            continue
        if not isinstance(route, APIRoute):
            raise ValueError(f"{context.path}: only FastAPI routes can be guarded")  # noqa: TRY004 - a wrong route, not a wrong type
        path, name = str(context.path_format), str(context.name)
        mark: Public | None = getattr(route.endpoint, _MARK, None)
        if mark is None and caller not in _calls(context.dependant):
            raise ValueError(f"{path} ({name}) states neither who may call it nor that it is public")
        if name in names:
            raise ValueError(f"{path}: a second route named {name}")
        names.add(name)
        query = None if mark and mark.any_query else _query_names(context.dependant)
        known[id(route)] = KnownRoute(path, frozenset(route.methods or ()), name, mark, query)
    return known


def _calls(dependant: Dependant) -> Iterator[object]:
    for child in dependant.dependencies:
        yield child.call
        yield from _calls(child)


def _query_names(dependant: Dependant) -> frozenset[str]:
    return frozenset(field.alias for field in get_flat_params(dependant) if isinstance(field.field_info, Query))


def allowed_methods(request: Request) -> list[str]:
    """Return every method of the path that the request matched."""
    routes: dict[int, KnownRoute] = request.app.state.routes
    route = request.scope.get("route")  # the framework's own routes, the documentation's, do not set it
    path = (
        routes[id(route)].path
        if route is not None
        else request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    )
    return sorted({method for route in routes.values() if route.path == path for method in route.methods})


async def refuse_unknown_query(request: Request) -> None:
    """Refuse a query parameter that the route does not declare with 422: a misspelt filter must not be ignored."""
    routes: dict[int, KnownRoute] = request.app.state.routes
    known = routes[id(request.scope["route"])].query
    if known is None:
        return
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise RequestValidationError(
            [
                {"type": "unknown_parameter", "loc": ("query", name), "msg": "Unknown query parameter"}
                for name in unknown
            ]
        )
