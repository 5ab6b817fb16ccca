"""The OpenAPI documents of an app: one for its clients, one for the providers that call it back.

FastAPI generates the paths; what it cannot know is added: each refusal with its status and codes, who may call, the servers.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from gridcare.http.auth import Requirement
from gridcare.http.documents.examples import add_examples
from gridcare.http.documents.refusals import Refusal
from gridcare.http.problems import MEDIA_TYPE

Document = dict[str, Any]

CALLBACKS: Final = "callbacks"
"""The tag of routes that providers call; they are not the app's."""

_PROBLEM: Final = {
    "title": "Problem",
    "description": "An RFC 9457 problem document. `type` leads to a page that says what the code means.",
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
_REFERENCE: Final = {"$ref": "#/components/schemas/Problem"}
_GENERATED: Final = ("HTTPValidationError", "ValidationError")
_PAGE: Final = re.compile(r"\bPage_([A-Za-z]+)Out_")
_METHODS: Final = frozenset({"get", "put", "post", "delete", "patch", "head", "options"})
_SERVERS: Final = [{"url": "/", "description": "The host that serves this document, or the one that ops names."}]
_CONTACT: Final = {"name": "The distributor's customer service platform"}
_LICENSE: Final = {"name": "Proprietary", "identifier": "LicenseRef-Proprietary"}


_RETRY_AFTER: Final = {
    "Retry-After": {
        "description": "How many seconds to wait before the next try.",
        "schema": {"type": "integer", "minimum": 1},
        "example": 2,
    }
}
_HEADERS: Final[Mapping[int, Document]] = {
    401: {
        "WWW-Authenticate": {
            "description": "`Bearer`, with what was wrong with the token if there was one (RFC 6750).",
            "schema": {"type": "string"},
            "example": 'Bearer error="invalid_token"',
        }
    },
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}
"""What a refusal of a status says in its headers."""


def completed(
    document: Document,
    *,
    refusals: Mapping[str, tuple[Refusal, ...]],
    requirements: Mapping[str, Requirement | None],
    tags: Mapping[str, str],
) -> Document:
    """Return a generated document with its refusals and callers (by operation id), servers and the texts of its tags."""
    document = _with_pages(document)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _GENERATED:
        schemas.pop(name, None)
    schemas["Problem"] = _PROBLEM
    document["info"] |= {"contact": _CONTACT, "license": _LICENSE}
    document["servers"] = _SERVERS
    used = set()
    for operation in _operations(document):
        name = operation["operationId"]
        _add_refusals(operation, refusals[name])
        _add_callers(operation, requirements[name])
        used.update(operation.get("tags", ()))
    add_examples(document)
    document["tags"] = [{"name": name, "description": text} for name, text in tags.items() if name in used]
    return document


def _with_pages(document: Document) -> Document:
    """Return a document in which a page of bills is a `BillPage`, whatever FastAPI makes of a generic class."""
    named: Document = json.loads(_PAGE.sub(r"\1Page", json.dumps(document)))
    for name, schema in named.get("components", {}).get("schemas", {}).items():
        if name.endswith("Page"):
            schema["title"] = name
    return named


def part(document: Document, *, callbacks: bool) -> Document:
    """Return the document of the providers' callbacks, or that of all else; with what it refers to and nothing more."""
    kept: Document = {
        path: {
            name: value
            for name, value in item.items()
            if name not in _METHODS or (CALLBACKS in value.get("tags", ())) is callbacks
        }
        for path, item in document["paths"].items()
    }
    paths = {path: item for path, item in kept.items() if _METHODS & item.keys()}
    made = {**document, "paths": paths}
    made["tags"] = [tag for tag in document["tags"] if (tag["name"] == CALLBACKS) is callbacks]
    schemas = document["components"]["schemas"]
    needed = _needed(paths, schemas)
    made["components"] = {
        **document["components"],
        "schemas": {name: schemas[name] for name in schemas if name in needed},
    }
    if callbacks:
        made["components"].pop("securitySchemes", None)
    return made


def _operations(document: Document) -> Iterator[Document]:
    for item in document.get("paths", {}).values():
        for method, operation in item.items():
            if method in _METHODS:
                yield operation


def _add_callers(operation: Document, requirement: Requirement | None) -> None:
    """Say who may call: everybody, or one of the roles; and which of them may name any customer."""
    if requirement is None:
        operation["security"] = []
        return
    operation["security"] = [{"oidc": []}]
    operation["x-roles"] = sorted(requirement.takes)
    about_any = "".join(f" `{role}` may name any customer." for role in sorted(requirement.any_customer))
    told = f"Roles: {', '.join(f'`{role}`' for role in sorted(requirement.takes))}.{about_any}"
    operation["description"] = f"{operation.get('description', '')}\n\n{told}".strip()


def _add_refusals(operation: Document, refusals: Iterable[Refusal]) -> None:
    responses = operation.setdefault("responses", {})
    responses.pop("422", None)  # FastAPI's own shape, which we never send
    by_status: dict[int, list[Refusal]] = {}
    for refusal in refusals:
        by_status.setdefault(refusal.status, []).append(refusal)
    for status, several in sorted(by_status.items()):
        text = "\n".join(f"- `{each.code}`: {each.means}" for each in several)
        codes = {"type": "object", "properties": {"code": {"type": "string", "enum": [each.code for each in several]}}}
        example = {
            "type": f"/problems/{several[0].code}",
            "title": several[0].code.replace("-", " ").capitalize(),
            "status": status,
            "detail": several[0].means,
            "code": several[0].code,
            "traceId": "0af7651916cd43dd8448eb211c80319c",
        }
        content = {MEDIA_TYPE: {"schema": {"allOf": [_REFERENCE, codes]}, "example": example}}
        headers = {"headers": _HEADERS[status]} if status in _HEADERS else {}
        responses[str(status)] = {"description": text, **headers, "content": content}


def _needed(node: object, schemas: Mapping[str, object]) -> set[str]:
    needed: set[str] = set()
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            name = str(each.get("$ref", "")).rpartition("/")[2]
            if name in schemas and name not in needed:
                needed.add(name)
                waiting.append(schemas[name])
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
    return needed
