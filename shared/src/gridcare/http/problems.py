"""Errors as RFC 9457 problem documents (`application/problem+json`).

Members: `type` (`/problems/<code>`), `title`, `status`, `detail`, `code` (stable, for machines), `traceId` (finds the
request's log lines) and, for an invalid request, `errors` of `{pointer, detail}`. Input values are never echoed.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gridcare.errors import BusinessError, Overloaded, Retryable
from gridcare.http.edge.refusals import mark_no_room
from gridcare.http.routes import allowed_methods
from gridcare.observability.logging import get_logger
from gridcare.postgres.idempotency import KeptAnswer

MEDIA_TYPE: Final = "application/problem+json"
ERRORS_MAX: Final = 50
RETRY_AFTER_S: Final = 2
POINTER_PART_MAX: Final = 100

_CODES: Final = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    413: "body-too-large",
    503: "overloaded",
}
_DETAILS: Final = {  # pydantic's own messages for these quote the input
    "uuid_parsing": "Input should be a valid UUID",
    "union_tag_invalid": "Input has an unknown kind",
    "enum": "Input is not one of the known values",
}

logger = get_logger()


def problem(
    *,
    status: int,
    code: str,
    detail: str = "",
    trace_id: str,
    extra: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem document as a response."""
    document: dict[str, object] = {
        **(extra or {}),
        "type": f"/problems/{code}",
        "title": code.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        "traceId": trace_id,
    }
    return Response(msgspec.json.encode(document), status, headers, MEDIA_TYPE)


def trace_id_of(request: Request) -> str:
    """Return the id that the request's log lines carry."""
    request_id: str = request.scope.get("state", {}).get("request_id", "")
    return request_id


def register(app: FastAPI) -> None:
    """Make `app` answer every exception with a problem document, and a kept answer with itself."""
    app.add_exception_handler(BusinessError, _business)
    app.add_exception_handler(Retryable, _retryable)
    app.add_exception_handler(KeptAnswer, _kept)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def _business(request: Request, error: Exception) -> Response:
    assert isinstance(error, BusinessError)  # noqa: S101 - registered for this class only
    if isinstance(error, Overloaded):
        mark_no_room(request.scope)
    logger.info("request_refused", code=error.code, status=error.status)
    return problem(
        status=error.status,
        code=error.code,
        detail=error.detail,
        trace_id=trace_id_of(request),
        extra=error.extra,
        headers=error.headers,
    )


async def _retryable(request: Request, error: Exception) -> Response:
    # no stack: an overloaded process refuses many at once, and has to be quick about it
    logger.warning("dependency_unavailable", error_class=type(error.__cause__ or error).__name__)
    return problem(
        status=503,
        code="temporarily-unavailable",
        detail="a dependency is down or slow; try again",
        trace_id=trace_id_of(request),
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


async def _kept(_: Request, kept: Exception) -> Response:
    assert isinstance(kept, KeptAnswer)  # noqa: S101 - registered for this class only
    return Response(kept.body, kept.status, media_type="application/json")


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    errors = error.errors()
    if any(item.get("type") == "json_invalid" for item in errors):
        return problem(
            status=400, code="invalid-json", detail="the body is not valid JSON", trace_id=trace_id_of(request)
        )
    return invalid_request([_entry(item) for item in errors[:ERRORS_MAX]], trace_id_of(request))


def invalid_request(errors: Sequence[Mapping[str, str]], trace_id: str) -> Response:
    """Return the 422 that lists what is wrong by JSON pointer."""
    return problem(
        status=422,
        code="invalid-request",
        detail="the request is not what the API describes",
        trace_id=trace_id,
        extra={"errors": errors},
    )


def _entry(item: Mapping[str, Any]) -> dict[str, str]:
    kind = str(item.get("type", ""))
    parts = [str(part)[:POINTER_PART_MAX].replace("~", "~0").replace("/", "~1") for part in item.get("loc", ())]
    return {"pointer": "/" + "/".join(parts), "detail": _DETAILS.get(kind) or str(item.get("msg", ""))}


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    phrase = HTTPStatus(error.status_code).phrase
    code = _CODES.get(error.status_code) or phrase.lower().replace(" ", "-")
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(allowed_methods(request))  # the framework lists those of one route only
    return problem(status=error.status_code, code=code, detail=phrase, trace_id=trace_id_of(request), headers=headers)


def internal_error(request: Request, error: Exception) -> Response:
    """Log a bug by its class and stack, and return a 500 that tells the caller nothing but the trace id."""
    logger.error("request_failed", exc_info=error)
    return problem(status=500, code="internal-error", detail="", trace_id=trace_id_of(request))
