"""The middleware: metrics and log lines by route template, slow bodies, overload, callers who leave."""

import asyncio
from typing import Annotated

import httpx
import pytest
from fastapi import Body, Request

from gridcare.errors import Conflict, Overloaded, Retryable, Unavailable
from gridcare.http.app import create_app
from gridcare.http.edge.middleware import RequestLimits
from gridcare.http.edge.refusals import hear_refusals
from gridcare.http.guard import Router
from gridcare.http.routes import public
from gridcare.observability import instruments
from gridcare.testing.http import client_for, served
from gridcare.testing.logs import captured_logs
from gridcare.testing.metrics import sample

PHONE = "0901234567"


def app_with(endpoint, **options):
    router = Router()
    router.post("/people/{phone}")(public("a test", any_query=True)(endpoint))
    return create_app(title="Test", version="1", routers=[router], **options)


async def read_json(phone: str, body: Annotated[dict[str, int], Body()]) -> int:
    return len(body)


async def read_stream(phone: str, request: Request) -> int:
    return sum([len(chunk) async for chunk in request.stream()])


async def test_lines_and_metrics_hold_templates():
    """A request is counted and logged by route template, method and status, never by its address."""
    labels = {"route": "/people/{phone}", "method": "POST", "status": "200"}
    before = sample("http_requests_total", **labels)
    with captured_logs() as log:
        async with client_for(app_with(read_json)) as client:
            answer = await client.post(f"/people/{PHONE}", params={"name": "Canary", "phone": PHONE}, json={})
            await client.post(f"/elsewhere/{PHONE}?q=Canary")
    assert answer.status_code == 200
    assert sample("http_requests_total", **labels) == before + 1
    served_line, lost_line = log.named("request_served")
    assert (served_line["route"], served_line["status"]) == ("/people/{phone}", 200)
    assert served_line["request_id"] == answer.headers["x-request-id"]
    assert (lost_line["route"], lost_line["status"]) == ("/{unmatched}", 404)
    page = instruments.render().decode()
    assert PHONE not in log.text + page
    assert "Canary" not in log.text + page


async def post_slowly(port: int, *, sent: bytes, length: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /people/x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    writer.write(head.encode() + sent)
    await writer.drain()
    return reader, writer


async def test_stalled_bodies_are_408():
    """A client that holds back its body is disconnected, whether the route reads it whole or as a stream."""
    for endpoint in (read_json, read_stream):
        async with served(app_with(endpoint, limits=RequestLimits(body_idle_timeout_s=0.05))) as (_, port):
            reader, writer = await post_slowly(port, sent=b"{", length=10)
            answer = await asyncio.wait_for(reader.read(), 10)
            writer.close()
        assert answer.startswith(b"HTTP/1.1 408")
        assert b'"code":"request-timeout"' in answer


async def test_leaving_is_no_bug():
    """A connection that breaks in the middle of a body is not logged as a failure of ours."""
    with captured_logs() as log:
        async with served(app_with(read_stream)) as (_, port):
            _, writer = await post_slowly(port, sent=b"{", length=10)
            writer.close()
            async with asyncio.timeout(10):
                while not log.named("request_served"):  # noqa: ASYNC110 - a log line has no event to wait for
                    await asyncio.sleep(0.005)
    assert [line["status"] for line in log.named("request_served")] == [499]
    assert not log.named("request_failed")


async def test_overload_is_503():
    """Over the limit the answer is 503 at once, and there is room again when requests end."""
    begun, go = asyncio.Event(), asyncio.Event()

    async def hold(phone: str) -> None:
        begun.set()
        await go.wait()

    async with client_for(app_with(hold, limits=RequestLimits(requests_max=1))) as client:
        first = asyncio.create_task(client.post("/people/x"))
        await asyncio.wait_for(begun.wait(), 10)
        refused = await client.post("/people/x")
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        go.set()
        assert (await first).status_code == 200
        assert (await client.post("/people/x")).status_code == 200


@pytest.mark.parametrize(
    ("crowd_at", "other_at"),
    [
        (("203.0.113.7", "203.0.113.7"), "203.0.113.8"),
        (("2001:db8:0:7::1", "2001:db8:0:7:ffff::2"), "2001:db8:0:8::1"),
        (("203.0.113.7", "::ffff:203.0.113.7"), "203.0.113.8"),
    ],
)
async def test_one_address_takes_no_room(crowd_at, other_at):
    """Over its own limit an address (or IPv6 network) is refused; others are served, and readiness does not fall."""
    begun, go = asyncio.Event(), asyncio.Event()
    noted = []

    async def hold(phone: str) -> None:
        begun.set()
        await go.wait()

    app = app_with(hold, limits=RequestLimits(per_address_max=1))

    async def heard(scope, receive, send):
        hear_refusals(scope, lambda: noted.append(scope["path"]))
        await app(scope, receive, send)

    def client_at(address):
        transport = httpx.ASGITransport(app=heard, client=(address, 4000))
        return httpx.AsyncClient(transport=transport, base_url="http://gridcare.test")

    begin_at, crowd_at = crowd_at
    async with client_at(begin_at) as begins, client_at(crowd_at) as crowd, client_at(other_at) as other:
        first = asyncio.create_task(begins.post("/people/x"))
        await asyncio.wait_for(begun.wait(), 10)
        refused = await asyncio.wait_for(crowd.post("/people/x"), 10)
        elsewhere = asyncio.create_task(other.post("/people/x"))
        go.set()
        assert [(await each).status_code for each in (first, elsewhere)] == [200, 200]
        assert (await crowd.post("/people/x")).status_code == 200
    assert (refused.status_code, refused.json()["code"], noted) == (503, "overloaded", [])


@pytest.mark.parametrize(
    ("error", "status", "counted"),
    [
        (RuntimeError("a bug"), 500, 1),
        (Retryable("the database is away"), 503, 1),
        (Unavailable("identity-provider-unavailable"), 503, 1),
        (Overloaded(), 503, 0),
        (Conflict("taken"), 409, 0),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_own_errors_are_counted(error, status, counted):
    """Bugs and dependencies that are down count as server errors; a refusal for want of room, which anybody draws, does not."""

    async def fail(phone: str) -> None:
        raise error

    before = sample("server_errors_total", route="/people/{phone}")
    async with client_for(app_with(fail)) as client:
        assert (await client.post("/people/x")).status_code == status
    assert sample("server_errors_total", route="/people/{phone}") == before + counted


@pytest.mark.parametrize(
    "limits", [RequestLimits(requests_max=0), RequestLimits(per_address_max=0), RequestLimits(bodies_max_bytes=1)]
)
async def test_no_room_is_no_error(limits):
    """What is refused since too much is under way counts as refused, never as an error of ours."""
    before = [sample("server_errors_total", route=route) for route in ("/people/{phone}", "/{unmatched}")]
    async with client_for(app_with(read_json, limits=limits)) as client:
        refused = await client.post("/people/x", json={"x": 1})
    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert [sample("server_errors_total", route=route) for route in ("/people/{phone}", "/{unmatched}")] == before


async def test_half_answers_break_the_connection():
    """If a response fails after its start, the connection breaks too: the client must not take it for complete."""
    from starlette.responses import StreamingResponse  # noqa: PLC0415 - needed by this test alone

    async def broken(phone: str) -> StreamingResponse:
        async def chunks():
            yield b"half"
            raise RuntimeError(PHONE)

        return StreamingResponse(chunks())

    with captured_logs() as log:
        async with served(app_with(broken)) as (_, port), httpx.AsyncClient() as client:
            results = await asyncio.gather(client.post(f"http://127.0.0.1:{port}/people/x"), return_exceptions=True)
    assert isinstance(results[0], httpx.RemoteProtocolError)
    assert log.named("request_failed")[0]["error_class"] == "RuntimeError"
    assert PHONE not in log.text
