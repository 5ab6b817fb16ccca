"""Refusals: the problem codes that a route may answer with, and what each means.

    @router.get("/{bill_id}")
    @refuses(BILL_NOT_FOUND)

A door declares what its own use case refuses; what the plumbing refuses (tokens, bodies, cursors, Idempotency-Keys) is added
by what the route takes. The OpenAPI document and the pages at `/problems/<code>` are made of these.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from itertools import chain
from typing import Any, Final, TypeVar

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gridcare.http.guard import KnownRoute

F = TypeVar("F", bound=Callable[..., Any])

PATH: Final = "/problems"
_MARK: Final = "__gridcare_refuses__"
_KNOWN: Final = "refusals"


@dataclass(frozen=True, slots=True, order=True)
class Refusal:
    """A problem code with its HTTP status; `means` says in one sentence what is wrong and, if it helps, what to do."""

    status: int
    code: str
    means: str


def refuses(*refusals: Refusal) -> Callable[[F], F]:
    """Mark an endpoint with what its own use case refuses. Goes below the router's decorator."""

    def mark(endpoint: F) -> F:
        setattr(endpoint, _MARK, refusals)
        return endpoint

    return mark


_ALWAYS: Final = (
    Refusal(400, "invalid-character", "The address contains a NUL character."),
    Refusal(
        422,
        "invalid-request",
        "The request does not match this document; `errors` says where, by JSON pointer.",
    ),
    Refusal(500, "internal-error", "A bug on our side. Tell us the `traceId`."),
    Refusal(503, "overloaded", "The service is busy. Try again after the seconds in `Retry-After`."),
    Refusal(
        503, "temporarily-unavailable", "A dependency is down or slow. Try again after the seconds in `Retry-After`."
    ),
)
_GUARDED: Final = (
    Refusal(401, "missing-token", "The request carries no bearer token."),
    Refusal(401, "invalid-token", "The token was refused; `detail` says why. Get a new one."),
    Refusal(403, "role-missing", "None of the caller's roles opens this route."),
    Refusal(503, "identity-provider-unavailable", "Tokens cannot be verified at the moment. Try again."),
)
_KEYED: Final = (
    Refusal(400, "idempotency-key-missing", "The request needs the header `Idempotency-Key`."),
    Refusal(400, "idempotency-key-invalid", "An `Idempotency-Key` is 1 to 255 visible ASCII characters."),
    Refusal(409, "idempotency-key-in-use", "The same request is still being served. Try again in a second."),
    Refusal(
        409,
        "idempotency-key-served",
        "Another release of the service already served this request. Read what it created.",
    ),
    Refusal(422, "idempotency-key-reused", "This `Idempotency-Key` was used for another request. Use a new one."),
)
_WITH_BODY: Final = (
    Refusal(400, "bad-request", "The body cannot be read."),
    Refusal(400, "invalid-json", "The body is not valid JSON."),
    Refusal(408, "request-timeout", "The body came too slowly."),
    Refusal(413, "body-too-large", "The body exceeds the route's limit."),
)
_LIMITED: Final = (
    Refusal(
        429,
        "too-many-requests",
        "The caller used up this hour's requests. Try again after the seconds in `Retry-After`.",
    ),
)
_PAGED: Final = (Refusal(400, "invalid-cursor", "The cursor is not one of ours. Begin with the first page."),)
_ELSEWHERE: Final = (
    Refusal(404, "not-found", "There is nothing at this address."),
    Refusal(405, "method-not-allowed", "The address takes other methods: see the header `Allow`."),
)
_BODY_METHODS: Final = frozenset({"POST", "PUT", "PATCH"})


def refusals_of(endpoint: Callable[..., Any], route: KnownRoute) -> tuple[Refusal, ...]:
    """Return all that a route may refuse: what its door declares, and what the plumbing before it does."""
    parts: list[Iterable[Refusal]] = [_ALWAYS, getattr(endpoint, _MARK, ())]
    if route.requirement is not None:
        parts.append(_GUARDED)
    if route.keyed:
        parts.append(_KEYED)
    if route.bucket is not None:
        parts.append(_LIMITED)
    if route.query and "cursor" in route.query:
        parts.append(_PAGED)
    if route.methods & _BODY_METHODS:
        parts.append(_WITH_BODY)
    return tuple(sorted(refusal for part in parts for refusal in part))


def catalogue(routes: Iterable[tuple[Refusal, ...]]) -> dict[str, Refusal]:
    """Return every refusal by its code. Raises ValueError for a code with two statuses or two meanings."""
    known: dict[str, Refusal] = {}
    for refusal in chain(_ELSEWHERE, *routes):
        if known.setdefault(refusal.code, refusal) != refusal:
            raise ValueError(f"{refusal.code} has two statuses or two meanings")
    return known


def add_problem_pages(app: FastAPI) -> None:
    """Serve `/problems/<code>`, to which the `type` of a problem document leads; `put_refusals` says what there is."""

    async def page(request: Request) -> Response:
        known: Mapping[str, Refusal] = getattr(request.app.state, _KNOWN)
        refusal = known.get(request.path_params["code"])
        if refusal is None:
            raise HTTPException(404)
        return HTMLResponse(_page(refusal), headers={"cache-control": "public, max-age=3600"})

    app.add_route(PATH + "/{code}", page, include_in_schema=False)


def put_refusals(app: FastAPI, known: Mapping[str, Refusal]) -> None:
    """Tell an app's problem pages what its routes refuse, by code."""
    setattr(app.state, _KNOWN, known)


def _page(refusal: Refusal) -> str:
    title = escape(refusal.code.replace("-", " ").capitalize())
    status = f"{refusal.status} {HTTPStatus(refusal.status).phrase}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head><body><h1>{title}</h1>'
        f"<p><code>{escape(refusal.code)}</code>, HTTP status {status}.</p><p>{escape(refusal.means)}</p></body></html>"
    )
