"""The app: guarded routes, refused input, limits, problem documents, headers, documentation."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, WebSocket
from fastapi.responses import PlainTextResponse
from pydantic import Field

from gridcare.errors import Conflict, Retryable, TooManyRequests
from gridcare.http.app import create_app
from gridcare.http.auth import Caller, caller, require
from gridcare.http.body import Body
from gridcare.http.pages import LIMIT_DEFAULT, Cursor, Limit, Page
from gridcare.http.routes import public
from gridcare.testing.http import client_for
from gridcare.testing.logs import captured_logs

router = APIRouter(prefix="/v1")


class Part(Body):
    count: int
    name: str


class ThingIn(Body):
    id: UUID
    when: datetime
    urgent: bool = False
    share: float = 0.5
    kind: Literal["a", "b"] = "a"
    parts: list[Part] = Field(default=[], max_length=10)


@router.post("/things", status_code=201)
@public("a test")
async def add_thing(body: ThingIn) -> ThingIn:
    return body


@router.get("/things")
@public("a test")
async def list_things(limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None) -> Page[int]:
    return Page(items=[limit], next=cursor)


@router.get("/things/{thing_id}")
async def read_thing(thing_id: UUID, who: Annotated[Caller, Depends(require("planner"))]) -> str:
    return who.sub


@router.get("/callback")
@public("signed by its provider", any_query=True)
async def callback(request: Request) -> list[str]:
    return sorted(request.query_params)


@router.get("/failing/{how}")
@public("a test")
async def fail(how: str) -> None:
    failures: dict[str, Exception] = {
        "conflict": Conflict("thing-taken", "it is taken", holder="x"),
        "throttled": TooManyRequests("too-many", headers={"Retry-After": "7"}),
        "retryable": Retryable("secret 0901234567"),
    }
    raise failures.get(how) or RuntimeError("Nguyễn Văn A 0901234567")


@router.post("/unread")
@public("a test")
async def ignore_body() -> None:
    return None


@pytest.fixture(scope="module")
async def app() -> FastAPI:
    return create_app(title="Test", version="1", routers=[router], body_size_max_bytes=2000)


@pytest.fixture(scope="module")
async def client(app: FastAPI) -> AsyncIterator[object]:
    async with client_for(app) as opened:
        yield opened


THING = {"id": "019aab12-3456-7890-abcd-ef0123456789", "when": "2026-11-23T08:00:00+07:00"}


async def test_a_good_body_is_taken(client):
    """UUIDs and times come as text; all the rest keeps its JSON type."""
    answer = await client.post("/v1/things", json={**THING, "share": 1, "parts": [{"count": 1.0, "name": "x"}]})
    assert answer.status_code == 201, answer.text
    assert answer.json()["parts"] == [{"count": 1, "name": "x"}]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"colour": "red"}, "/body/colour"),
        ({"id": 5}, "/body/id"),
        ({"id": "no"}, "/body/id"),
        ({"when": 1763865000}, "/body/when"),
        ({"when": "2026-11-23T08:00:00"}, "/body/when"),
        ({"when": "0001-01-01T00:00:00+14:00"}, "/body/when"),
        ({"urgent": "yes"}, "/body/urgent"),
        ({"urgent": 1}, "/body/urgent"),
        ({"share": "0.5"}, "/body/share"),
        ({"kind": "c"}, "/body/kind"),
        ({"parts": {}}, "/body/parts"),
        ({"parts": [{"count": "1", "name": "x"}]}, "/body/parts/0/count"),
        ({"parts": [{"count": 1.5, "name": "x"}]}, "/body/parts/0/count"),
        ({"parts": [{"count": True, "name": "x"}]}, "/body/parts/0/count"),
        ({"parts": [{"count": 1e300, "name": "x"}]}, "/body/parts/0/count"),
        ({"parts": [{"count": 2**53, "name": "x"}]}, "/body/parts/0/count"),
        ({"parts": [{"count": 1, "name": "a\x00b"}]}, "/body/parts/0/name"),
        ({"parts": [{"count": 1, "name": 5}]}, "/body/parts/0/name"),
        ({"parts": [{"count": 1, "name": "x", "y": 1}]}, "/body/parts/0/y"),
    ],
)
async def test_a_wrong_body_is_refused_by_pointer(client, change, pointer):
    """Unknown fields, wrong types and what PostgreSQL could not keep are 422, each named."""
    answer = await client.post("/v1/things", json={**THING, **change})
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "invalid-request"
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


async def test_lone_surrogates_are_refused(client):
    """Half a surrogate pair is no text that can be stored."""
    parts = b'[{"count": 1, "name": "\\ud800"}]'
    content = json.dumps(THING).encode()[:-1] + b', "parts": ' + parts + b"}"
    answer = await client.post("/v1/things", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text


async def test_input_values_are_not_echoed(client):
    """A problem names the place, never the value that was there."""
    canary = "canary-0901234567"
    wrong = {**THING, "id": canary, "kind": canary, "urgent": canary, "parts": canary, "when": canary, "share": canary}
    answer = await client.post("/v1/things", json=wrong)
    assert answer.status_code == 422
    assert "canary" not in answer.text


@pytest.mark.parametrize("content", [b"{", b"", b"[" * 1500, b"\xff\xfe", b"[]", b"null", b'"x"'])
async def test_a_body_that_is_no_such_object_is_refused(client, content):
    """Broken, empty, deep and other JSON are 4xx problems."""
    answer = await client.post("/v1/things", content=content, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/v1/things", "/v1/unread"])
async def test_a_body_over_the_limit_is_413(client, path):
    """The limit counts what comes, whether or not the route reads it, and the answer is a problem document."""
    answer = await client.post(path, content=b" " * 2001, headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["code"] == "body-too-large"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_body_without_a_length_is_counted_too(client):
    """A chunked body cannot hide its size."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b" " * 100

    answer = await client.post("/v1/things", content=chunks(), headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["code"] == "body-too-large"


async def test_unknown_query_parameters_are_refused(client):
    """A misspelt filter is 422, not ignored."""
    answer = await client.get("/v1/things", params={"limit": 5, "limt": 3})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "/query/limt", "detail": "Unknown query parameter"}]
    assert (await client.get("/v1/things", params={"limit": 5})).json() == {"items": [5], "next": None}


@pytest.mark.parametrize("limit", ["0", "201", "x", "1.5"])
async def test_a_page_has_a_limit(client, limit):
    """A page holds 1 to 200 items."""
    answer = await client.get("/v1/things", params={"limit": limit})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/limit")


async def test_a_callback_may_take_any_query(client):
    """A provider adds parameters when it likes; its signature covers them."""
    answer = await client.get("/v1/callback", params={"vnp_New": "1", "a": "2"})
    assert answer.json() == ["a", "vnp_New"]


@pytest.mark.parametrize("address", ["/v1/failing/a%00b", "/v1/things?cursor=%00"])
async def test_nul_in_the_address_is_refused(client, address):
    """PostgreSQL texts hold no NUL."""
    answer = await client.get(address)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-character")


async def test_problems_of_the_framework(client):
    """Unknown paths and methods are problem documents as well; Allow is kept."""
    missing = await client.get("/v1/nowhere")
    assert (missing.status_code, missing.json()["code"]) == (404, "not-found")
    wrong = await client.delete("/v1/callback")
    assert (wrong.status_code, wrong.json()["code"], wrong.headers["allow"]) == (405, "method-not-allowed", "GET")


async def test_a_business_error_is_a_problem(client):
    """Code, status, extra members and headers reach the caller; title, type and status agree."""
    answer = await client.get("/v1/failing/conflict")
    problem = answer.json()
    assert problem.pop("traceId") == answer.headers["x-request-id"]
    assert problem == {
        "type": "/problems/thing-taken",
        "title": "Thing taken",
        "status": 409,
        "detail": "it is taken",
        "code": "thing-taken",
        "holder": "x",
    }
    throttled = await client.get("/v1/failing/throttled")
    assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "7")


async def test_a_dependency_that_is_down_is_503(client):
    """Retryable tells when to come again and nothing else."""
    answer = await client.get("/v1/failing/retryable")
    assert (answer.status_code, answer.json()["code"]) == (503, "temporarily-unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "0901234567" not in answer.text


async def test_a_bug_is_500_without_its_message(client):
    """What an unexpected exception says stays inside."""
    with captured_logs() as log:
        answer = await client.get("/v1/failing/bug")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal-error")
    assert "Nguy" not in answer.text + log.text
    (line,) = log.named("request_failed")
    assert (line["error_class"], line["request_id"]) == ("RuntimeError", answer.json()["traceId"])
    assert line["error_frames"][-1].endswith(":fail")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_request_id_is_drawn_not_taken(client):
    """What a caller puts into X-Request-Id reaches no log."""
    answer = await client.get("/v1/things", headers={"x-request-id": "0901234567"})
    assert len(answer.headers["x-request-id"]) == 32


def refused(make_router) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is asserted by the callers
        create_app(title="Test", version="1", routers=[make_router])
    return str(caught.value)


def test_an_unguarded_route_is_refused():
    """A route that states nobody does not start."""
    open_router = APIRouter()

    @open_router.get("/open")
    async def open_route() -> None: ...

    assert "/open (open_route)" in refused(open_router)


def test_an_unguarded_route_of_a_nested_router_is_refused():
    """Nesting hides nothing, and the whole path is told."""
    inner, outer = APIRouter(prefix="/inner"), APIRouter(prefix="/outer")

    @inner.get("/open")
    async def open_route() -> None: ...

    outer.include_router(inner)
    assert "/outer/inner/open" in refused(outer)


def test_a_router_guards_its_routes():
    """An auth dependency of the router counts for all of its routes."""
    guarded = APIRouter(dependencies=[Depends(caller)])

    @guarded.get("/closed")
    async def closed() -> None: ...

    app = create_app(title="Test", version="1", routers=[guarded])
    assert app.openapi()["paths"]["/closed"]["get"]["security"] == [{"oidc": []}]


def test_routes_that_cannot_be_guarded_are_refused():
    """Web sockets, mounts and plain Starlette routes have no dependencies to check."""
    sockets, plain = APIRouter(), APIRouter()

    @sockets.websocket("/ws")
    async def ws(socket: WebSocket) -> None: ...

    plain.add_route("/plain", lambda _: PlainTextResponse("x"))
    assert "/ws" in refused(sockets)
    assert "/plain" in refused(plain)


def test_two_routes_of_one_name_are_refused():
    """Operation ids are function names, so they are unique."""
    twice = APIRouter()
    for path in ("/a", "/b"):

        @twice.get(path)
        @public("a test")
        async def same() -> None: ...

    assert "a second route named same" in refused(twice)


def test_the_document_tells_ids_errors_and_security(app):
    """OpenAPI has readable operation ids, problem documents for errors, and the security scheme."""
    document = app.openapi()
    operations = {
        operation["operationId"]: operation for item in document["paths"].values() for operation in item.values()
    }
    assert set(operations) == {"add_thing", "list_things", "read_thing", "callback", "fail", "ignore_body"}
    for operation in operations.values():
        errors = {s: r for s, r in operation["responses"].items() if not s.startswith("2")}
        assert {"422", "503", "default"} <= set(errors)
        assert all(list(response["content"]) == ["application/problem+json"] for response in errors.values())
    assert {"401", "403"} <= set(operations["read_thing"]["responses"])
    assert "401" not in operations["fail"]["responses"]
    assert document["components"]["securitySchemes"]["oidc"]["bearerFormat"] == "JWT"
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert document["components"]["schemas"]["ThingIn"]["additionalProperties"] is False


async def test_the_docs_page_is_there(client):
    """/docs is FastAPI's own page, reachable without a token."""
    answer = await client.get("/docs")
    assert answer.status_code == 200
    assert "swagger" in answer.text.lower()
    assert "content-security-policy" not in answer.headers
    assert (await client.get("/openapi.json")).json()["info"]["title"] == "Test"
