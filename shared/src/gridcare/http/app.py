"""The FastAPI app of every service: guarded routes, problem documents, limits, request ids, metrics, documentation."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.types import Lifespan

from gridcare.http import problems, routes
from gridcare.http.documents.openapi import completed
from gridcare.http.documents.page import add_page
from gridcare.http.documents.refusals import Refusal, add_problem_pages, catalogue, put_refusals
from gridcare.http.edge.middleware import DEFAULT_LIMITS, RequestLimits, RequestMiddleware
from gridcare.http.guard import Doors, put_doors
from gridcare.http.rooms import let_in
from gridcare.http.tokens.verifier import TokenVerifier
from gridcare.observability import tracing
from gridcare.postgres.token_buckets import Buckets

BODY_SIZE_MAX_BYTES: Final = 256 * 1024
"""Enough for a scope part of 2,000 supply points; a route that streams more declares its own `max_body_size`."""


def create_app(
    *,
    title: str,
    version: str,
    routers: Sequence[APIRouter],
    description: str = "",
    tags: Mapping[str, str] | None = None,
    verifier: TokenVerifier | None = None,
    buckets: Buckets | None = None,
    rooms: Iterable[object] = (),
    lifespan: Lifespan[FastAPI] | None = None,
    docs: bool = False,
    body_size_max_bytes: int = BODY_SIZE_MAX_BYTES,
    limits: RequestLimits = DEFAULT_LIMITS,
) -> FastAPI:
    """Make the app of a service out of its routers.

    `description` and `tags` (what each tag is about) are for the OpenAPI document. `docs` serves that and a page to try it; a
    service in production does not. `rooms` are what the service's doors work in (gridcare.http.rooms); they, `buckets` and
    `verifier` may be missing where only the document is wanted. Raises ValueError for a route that states neither who may
    call it nor that it is public, and for a problem code with two meanings.
    """
    app = FastAPI(
        title=title,
        version=version,
        description=description,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        generate_unique_id_function=lambda route: route.name,
        redirect_slashes=False,  # a redirect would drop a POST's body and repeat the path outside a problem document
        telemetry=_telemetry(),
    )
    if docs:
        add_page(app)
    add_problem_pages(app)
    own = frozenset(id(route) for route in app.routes)
    for router in routers:
        app.include_router(router, max_body_size=body_size_max_bytes)
    doors = Doors(routes.check(app, own=own), verifier, buckets)
    put_doors(app, doors)
    refusals = routes.refusals(app, doors)
    put_refusals(app, catalogue(refusals.values()))
    let_in(app, rooms)
    app.add_middleware(RequestMiddleware, doors=doors, limits=limits)
    problems.register(app)
    _document(app, doors, refusals, tags or {})
    return app


def _telemetry() -> TelemetryConfig:
    return {
        "tracer_provider": tracing.provider(),
        "tracing": tracing.provider() is not None,
        "metrics": False,  # ours are in observability/metrics.py
        "logs": False,  # they carry exception messages, and so personal data
        "operation_spans": False,
        "auto_configure": False,
    }


def _document(app: FastAPI, doors: Doors, refusals: Mapping[int, tuple[Refusal, ...]], tags: Mapping[str, str]) -> None:
    generate = app.openapi
    by_name = {route.name: refusals[key] for key, route in doors.routes.items() if key in refusals}
    callers = {route.name: route.requirement for route in doors.routes.values()}

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = completed(generate(), refusals=by_name, requirements=callers, tags=tags)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend the document
