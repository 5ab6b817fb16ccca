"""The OpenAPI document that FastAPI generates, with our problem documents as its error responses."""

from typing import Any, Final

from gridcare.http.problems import MEDIA_TYPE

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
