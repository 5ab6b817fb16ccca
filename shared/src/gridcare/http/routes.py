"""What every route must declare: who may call it and which query parameters it takes."""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.requests import Request
from starlette.routing import Route

from gridcare.http.auth import Requirement
from gridcare.http.documents.refusals import Refusal, refusals_of
from gridcare.http.guard import Doors, GuardedRoute, KnownRoute, Public, doors_of
from gridcare.http.idempotency import idempotent

F = TypeVar("F", bound=Callable[..., Any])

_PUBLIC: Final = "__gridcare_public__"
_BUCKET: Final = "__gridcare_bucket__"
_STREAMED: Final = "__gridcare_streamed__"


def public(reason: str, *, any_query: bool = False) -> Callable[[F], F]:
    """Mark an endpoint as open to everybody. Goes below the router's decorator.

    A provider's callback, whose signature covers whatever it sends, takes `any_query=True`.
    """

    def mark(endpoint: F) -> F:
        setattr(endpoint, _PUBLIC, Public(reason, any_query))
        return endpoint

    return mark


def limited(bucket: str) -> Callable[[F], F]:
    """Mark an endpoint whose caller may use it so many times an hour (gridcare.postgres.token_buckets), else 429."""

    def mark(endpoint: F) -> F:
        setattr(endpoint, _BUCKET, bucket)
        return endpoint

    return mark


def streamed(endpoint: F) -> F:
    """Mark an endpoint that reads its body piece by piece and keeps none of it. Goes below the router's decorator.

    Its body does not count against the memory that a process gives to bodies.
    """
    setattr(endpoint, _STREAMED, True)
    return endpoint


def check(app: FastAPI, *, own: frozenset[int]) -> dict[int, KnownRoute]:
    """Return every route of `app` by the `id` of its route object; `own` holds the ids of the framework's own (its docs).

    Raises ValueError for a route that is neither guarded nor public, one that is not a Router's, and a repeated name.
    """
    known: dict[int, KnownRoute] = {}
    names: set[str] = set()
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if id(route) in own and isinstance(route, Route):
            methods = frozenset(route.methods or ())
            known[id(route)] = KnownRoute(path=route.path, methods=methods, name=route.name)
            continue
        path, name = str(context.path_format), str(context.name)
        if not isinstance(route, GuardedRoute):
            raise ValueError(f"{context.path}: only the routes of a gridcare.http.guard.Router can be guarded")  # noqa: TRY004 - a wrong route, not a wrong type
        if name in names:
            raise ValueError(f"{path}: a second route named {name}")
        names.add(name)
        known[id(route)] = _known(route, path, name, context.dependant)
    return known


def _known(route: APIRoute, path: str, name: str, dependant: Dependant) -> KnownRoute:
    mark: Public | None = getattr(route.endpoint, _PUBLIC, None)
    calls = set(_calls(dependant))
    requirements = [each for each in calls if isinstance(each, Requirement)]
    if len(requirements) != (0 if mark else 1):
        raise ValueError(f"{path} ({name}) must state who may call it, once, or that it is public")
    return KnownRoute(
        path=path,
        methods=frozenset(route.methods or ()),
        name=name,
        requirement=requirements[0] if requirements else None,
        query=None if mark and mark.any_query else _query_names(dependant),
        keyed=idempotent in calls,
        bucket=getattr(route.endpoint, _BUCKET, None),
        streamed=getattr(route.endpoint, _STREAMED, False),
    )


def refusals(app: FastAPI, doors: Doors) -> dict[int, tuple[Refusal, ...]]:
    """Return what each route of the app's routers may refuse, by the `id` of its route object."""
    return {
        id(context.original_route): refusals_of(
            context.original_route.endpoint, doors.routes[id(context.original_route)]
        )
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, GuardedRoute)
    }


def _calls(dependant: Dependant) -> Iterator[object]:
    for child in dependant.dependencies:
        yield child.call
        yield from _calls(child)


def _query_names(dependant: Dependant) -> frozenset[str]:
    return frozenset(field.alias for field in get_flat_params(dependant) if isinstance(field.field_info, Query))


def allowed_methods(request: Request) -> list[str]:
    """Return every method of the path that the request matched."""
    doors = doors_of(request.app)
    route = doors.of(request.scope)  # the framework's own routes, the documentation's, do not set it
    path = route.path if route else request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    return sorted({method for route in doors.routes.values() if route.path == path for method in route.methods})
