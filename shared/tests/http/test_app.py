"""The app: queries, pages, problem documents, headers, documentation."""

import base64
import hashlib
import re

import pytest

from gridcare.http.app import create_app
from gridcare.http.documents.openapi import CALLBACKS
from gridcare.http.guard import Router
from gridcare.http.routes import public
from gridcare.testing.http import client_for
from gridcare.testing.logs import captured_logs


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


async def test_callbacks_take_any_query(client):
    """A provider may add parameters at any time; its signature covers them."""
    answer = await client.get("/v1/callback", params={"vnp_New": "1", "a": "2"})
    assert answer.json() == ["a", "vnp_New"]


@pytest.mark.parametrize("address", ["/v1/failing/a%00b", "/v1/things?cursor=%00"])
async def test_nul_in_addresses_is_refused(client, address):
    """PostgreSQL text cannot hold NUL."""
    answer = await client.get(address)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-character")


async def test_framework_errors_are_problems(client):
    """Unknown paths and methods get problem documents too; the Allow header is kept."""
    missing = await client.get("/v1/nowhere")
    assert (missing.status_code, missing.json()["code"]) == (404, "not-found")
    wrong = await client.delete("/v1/callback")
    assert (wrong.status_code, wrong.json()["code"], wrong.headers["allow"]) == (405, "method-not-allowed", "GET")


async def test_business_errors_are_problems(client):
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


async def test_retryable_is_503(client):
    """The answer says when to try again and nothing else; the log names the class, without a stack to be written each time."""
    with captured_logs() as logs:
        answer = await client.get("/v1/failing/retryable")
    assert (answer.status_code, answer.json()["code"]) == (503, "temporarily-unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "0901234567" not in answer.text
    (line,) = logs.named("dependency_unavailable")
    assert line["error_class"] == "Retryable"
    assert "error_frames" not in line


async def test_a_bug_tells_nothing(client):
    """The caller gets a 500 without the exception's message."""
    with captured_logs() as log:
        answer = await client.get("/v1/failing/bug")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal-error")
    assert "Nguy" not in answer.text + log.text
    (line,) = log.named("request_failed")
    assert (line["error_class"], line["request_id"]) == ("RuntimeError", answer.json()["traceId"])
    assert line["error_frames"][-1].endswith(":fail")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_request_ids_are_our_own(client):
    """A caller's X-Request-Id reaches no log."""
    answer = await client.get("/v1/things", headers={"x-request-id": "0901234567"})
    assert len(answer.headers["x-request-id"]) == 32


def test_the_document_is_complete(app):
    """Operations have readable ids, their callers, and each refusal with its codes; there are servers and a licence."""
    document = app.openapi()
    operations = {
        operation["operationId"]: operation for item in document["paths"].values() for operation in item.values()
    }
    assert set(operations) == {"add_thing", "list_things", "read_thing", "callback", "fail", "ignore_body"}

    def codes(name, status):
        content = operations[name]["responses"][status]["content"]["application/problem+json"]
        return content["schema"]["allOf"][1]["properties"]["code"]["enum"]

    for operation in operations.values():
        errors = {s: r for s, r in operation["responses"].items() if not s.startswith("2")}
        assert {"422", "503"} <= set(errors)
        assert all(list(response["content"]) == ["application/problem+json"] for response in errors.values())
    assert operations["read_thing"]["security"] == [{"oidc": []}]
    assert operations["read_thing"]["x-roles"] == ["planner"]
    assert operations["fail"]["security"] == []
    assert codes("read_thing", "401") == ["invalid-token", "missing-token"]
    assert codes("list_things", "400") == ["invalid-character", "invalid-cursor"]
    assert codes("fail", "409") == ["thing-taken"]
    assert "401" not in operations["fail"]["responses"]
    assert document["servers"][0]["url"] == "/"
    assert document["components"]["securitySchemes"]["oidc"]["bearerFormat"] == "JWT"
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert document["components"]["schemas"]["ThingIn"]["additionalProperties"] is False


async def test_problem_types_lead_somewhere(client):
    """The `type` of a problem is the address of a page that says what it means, without a token; others are 404."""
    refused = await client.get("/v1/failing/conflict")
    page = await client.get(refused.json()["type"])
    assert page.status_code == 200
    assert "The thing is taken." in page.text
    assert (await client.get("/problems/nothing-of-ours")).status_code == 404


async def test_the_docs_page_is_there(client):
    """/docs is Swagger UI and needs no token."""
    answer = await client.get("/docs")
    assert answer.status_code == 200
    assert "swagger" in answer.text.lower()
    (script,) = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in answer.headers["content-security-policy"]
    assert (await client.get("/openapi.json")).json()["info"]["title"] == "Test"


async def test_served_document_has_no_callbacks():
    """Who generates a client from /openapi.json gets the app's operations alone, as in the published document."""
    router = Router(prefix="/v1")

    @router.get("/mine", name="read_mine", tags=["things"])
    @router.get("/called", name="store_callback", tags=[CALLBACKS])
    @public("for the test")
    async def door() -> None: ...

    app = create_app(title="Test", version="1", routers=[router], docs=True)
    async with client_for(app) as client:
        assert list((await client.get("/openapi.json")).json()["paths"]) == ["/v1/mine"]
    assert len(app.openapi()["paths"]) == 2


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/docs/swagger-ui.css"])
async def test_docs_are_only_read(client, path):
    """Another method on the documentation is 405 with what is allowed, as elsewhere."""
    answer = await client.post(path)
    assert (answer.status_code, answer.json()["code"], answer.headers["allow"]) == (
        405,
        "method-not-allowed",
        "GET, HEAD",
    )


@pytest.mark.parametrize("asked", ["bytes=abc", "bytes=999999999-"])
async def test_docs_have_no_ranges(client, asked):
    """A file of the page is sent whole, whatever part of it is asked for."""
    answer = await client.get("/docs/swagger-ui.css", headers={"range": asked})
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/css")


async def test_docs_ask_no_other_host(client):
    """What the page loads is served beside it, and its text names no other host."""
    page = (await client.get("/docs")).text
    assert "://" not in page.replace("http://www.w3.org", "")
    loaded = re.findall(r'(?:src|href)="\./([^"]+)"', page)
    assert len(loaded) == 3
    kinds = {(await client.get(f"/{path}")).headers["content-type"].partition(";")[0] for path in loaded}
    assert kinds == {"text/javascript", "text/css", "image/png"}
    assert "SwaggerUIBundle" in (await client.get("/docs/swagger-ui-bundle.js")).text


@pytest.mark.parametrize("path", ["/docs", "/docs/swagger-ui-bundle.js", "/openapi.json"])
async def test_docs_are_off_unless_asked(path):
    """An app in production serves neither its document nor the page to try it."""
    async with client_for(create_app(title="Test", version="1", routers=[])) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
