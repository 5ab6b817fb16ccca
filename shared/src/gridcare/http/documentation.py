"""The OpenAPI document that FastAPI generates, with our problem documents as its error responses, and a page to try it."""

from functools import cache
from importlib import resources
from typing import Any, Final

import fastapi_swagger
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import Response

from gridcare.http.problems import MEDIA_TYPE

PAGE: Final = "/docs"
_SCRIPT: Final = "swagger-ui-bundle.js"
_STYLE: Final = "swagger-ui.css"
_ICON: Final = "favicon-32x32.png"
_MEDIA_TYPES: Final = {_SCRIPT: "text/javascript", _STYLE: "text/css", _ICON: "image/png"}
_ASSET_HEADERS: Final = {"cache-control": "public, max-age=86400"}  # they change only with a release

_REFERENCE: Final = {"$ref": "#/components/schemas/Problem"}
_PROBLEM: Final = {
    "title": "Problem",
    "description": "An RFC 9457 problem document.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "traceId"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable; for machines."},
        "traceId": {"type": "string", "description": "Names the request in the logs."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
_GENERATED: Final = ("HTTPValidationError", "ValidationError")
_METHODS: Final = frozenset({"get", "put", "post", "delete", "patch", "head", "options"})
_BY_STATUS: Final = {
    "401": "The token is missing or not valid.",
    "403": "The caller's roles do not allow this.",
    "422": "The request is not what this document describes.",
    "503": "A dependency is down; `Retry-After` says when to try again.",
    "default": "Any other refusal.",
}
_GUARDED: Final = frozenset({"401", "403"})


def add_page(app: FastAPI) -> None:
    """Serve Swagger UI at /docs, with its three files from the installed package, so that no other host is contacted."""

    async def page(_: Request) -> Response:
        return get_swagger_ui_html(
            openapi_url="./openapi.json",  # relative, so that it works behind a path prefix
            title=app.title,
            swagger_js_url=f".{PAGE}/{_SCRIPT}",
            swagger_css_url=f".{PAGE}/{_STYLE}",
            swagger_favicon_url=f".{PAGE}/{_ICON}",
            # the default sends the document's address to a validator on another host
            swagger_ui_parameters={"validatorUrl": None},
        )

    async def asset(request: Request) -> Response:
        name = request.url.path.rpartition("/")[2]
        return Response(_file(name), headers=_ASSET_HEADERS, media_type=_MEDIA_TYPES[name])

    app.add_route(PAGE, page, include_in_schema=False)
    for name in _MEDIA_TYPES:
        app.add_route(f"{PAGE}/{name}", asset, include_in_schema=False)


@cache
def _file(name: str) -> bytes:
    """Return one of the page's files; read when it is first asked for, since the script has over a megabyte."""
    return (resources.files(fastapi_swagger) / "resources" / name).read_bytes()


def with_problems(document: dict[str, Any]) -> dict[str, Any]:
    """Add the problem responses to every operation of an OpenAPI document, in place."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _GENERATED:
        schemas.pop(name, None)
    schemas["Problem"] = _PROBLEM
    for item in document.get("paths", {}).values():
        for method, operation in item.items():
            if method in _METHODS:
                _describe(operation)
    return document


def _describe(operation: dict[str, Any]) -> None:
    responses = operation.setdefault("responses", {})
    responses.pop("422", None)  # FastAPI's own shape, which we never send
    for status, description in _BY_STATUS.items():
        if status not in _GUARDED or operation.get("security"):
            responses[status] = _response(description)
    for status, response in responses.items():
        if status.startswith(("4", "5")) and MEDIA_TYPE not in response.get("content", {}):
            response["content"] = {MEDIA_TYPE: {"schema": _REFERENCE}}


def _response(description: str) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": _REFERENCE}}}
