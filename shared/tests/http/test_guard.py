"""Who may come in is settled before the body is read; bodies have a deadline and one budget of memory."""

import asyncio
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, Request

from gridcare.http.app import create_app
from gridcare.http.auth import Caller, require
from gridcare.http.body import Body
from gridcare.http.edge.middleware import RequestLimits
from gridcare.http.guard import Router
from gridcare.http.idempotency import IdempotencyKey
from gridcare.http.routes import public, streamed
from gridcare.testing.http import client_for, served

AUDIENCE = "repair-intake"
Customer = Annotated[Caller, Depends(require("customer"))]


class NoteIn(Body):
    text: str


def guarded_app(verifier, limits=None):
    """Return an app with a route for customers, one that streams, and one for everybody."""
    router = Router()

    @router.post("/notes")
    async def post_note(who: Customer, body: NoteIn, key: IdempotencyKey) -> str:
        return f"{who.sub} {key.key} {len(body.text)}"

    @router.post("/files")
    @streamed
    async def post_file(_: Customer, request: Request) -> int:
        return sum([len(chunk) async for chunk in request.stream()])

    @router.post("/open")
    @public("a test")
    async def post_open(body: NoteIn) -> int:
        return len(body.text)

    return create_app(
        title="Test",
        version="1",
        routers=[router],
        verifier=verifier,
        limits=limits or RequestLimits(),
        body_size_max_bytes=4 * 1024**2,
    )


async def test_callers_come_before_bodies(idp, verifier):
    """Token, role, query and key are refused in this order, whatever the body holds and though nobody reads it."""
    async with client_for(guarded_app(verifier)) as client:

        async def refusal(roles=None, *, path="/notes", **headers):
            if roles is not None:
                headers["authorization"] = f"Bearer {idp.token(audience=AUDIENCE, roles=roles)}"
            headers["content-type"] = "application/json"
            answer = await client.post(path, content=b"{not json", headers=headers)
            return answer.status_code, answer.json()["code"]

        assert await refusal(path="/notes?nonsense=1") == (401, "missing-token")
        assert await refusal(authorization="Bearer x.y.z") == (401, "invalid-token")
        assert await refusal(["planner"], path="/notes?nonsense=1") == (403, "role-missing")
        assert await refusal(["customer"], path="/notes?nonsense=1") == (422, "invalid-request")
        assert await refusal(["customer"]) == (400, "idempotency-key-missing")
        assert await refusal(["customer"], **{"idempotency-key": "k1"}) == (400, "invalid-json")


@pytest.mark.parametrize("path", ["/notes", "/files"])
async def test_refused_bodies_are_not_read(verifier, path):
    """A caller without a token gets the answer while most of the body is still on its way; nothing of it is kept."""
    read = 0

    async def receive():
        nonlocal read
        read += 16_384
        return {"type": "http.request", "body": b"x" * 16_384, "more_body": True}

    sent = []

    async def send(message):
        sent.append(message)

    headers = [(b"content-length", b"250000"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers, "state": {}}
    await guarded_app(verifier)({**scope, "http_version": "1.1", "root_path": "", "scheme": "http"}, receive, send)
    assert sent[0]["status"] == 401
    assert (b"connection", b"close") in sent[0]["headers"]
    assert read <= 65_536


async def test_small_refused_bodies_keep_connections(verifier):
    """The rest of a small body is read away, so that the client's next request uses the same connection."""
    async with served(guarded_app(verifier)) as (_, port), httpx.AsyncClient() as client:
        for _ in range(2):
            answer = await client.post(f"http://127.0.0.1:{port}/notes", json={"text": "x" * 20_000})
            assert (answer.status_code, answer.headers.get("connection")) == (401, None)


async def post_in_parts(port, parts, *, length, pause_s=0.0):
    """Post a body part by part; return the status line, or an empty one where the connection broke."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /open HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    writer.write(head.encode())
    answer = asyncio.create_task(reader.readline())
    try:
        for part in parts:
            if answer.done():
                break
            writer.write(part)
            await writer.drain()
            await asyncio.wait({answer}, timeout=pause_s)
        return (await asyncio.wait_for(answer, 10)).decode()
    finally:
        answer.cancel()
        writer.close()


async def test_dripping_bodies_are_408():
    """A client that sends a byte now and then never stands still, and still runs into the deadline."""
    limits = RequestLimits(body_idle_timeout_s=5, body_grace_s=0.2)
    async with served(guarded_app(None, limits)) as (_, port):
        line = await post_in_parts(port, [b" "] * 1000, length=1000, pause_s=0.01)
    assert " 408 " in line


async def test_bodies_share_a_budget():
    """What all bodies together may hold is bounded: the one that would exceed it is 503, and room comes back."""
    limits = RequestLimits(bodies_max_bytes=100_000)
    async with served(guarded_app(None, limits)) as (life, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = "POST /open HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 90000\r\n\r\n"
        writer.write(head.encode() + b'{"text": "' + b"x" * 80_000)
        await writer.drain()
        text = b'{"text": "' + b"y" * 60_000 + b'"}'
        async with asyncio.timeout(10):  # until the first body's part was read
            while " 503 " not in (line := await post_in_parts(port, [text], length=len(text))):
                assert " 200 " in line
        assert life.last_refusal_s is not None
        writer.write(b"x" * 9_988 + b'"}')
        assert b" 200 " in await asyncio.wait_for(reader.readline(), 10)
        writer.close()
        assert " 200 " in await post_in_parts(port, [text], length=len(text))


async def test_streams_need_no_budget(idp, verifier):
    """A route that keeps nothing of its body takes one that is larger than the budget."""
    limits = RequestLimits(bodies_max_bytes=500_000)
    token = idp.token(audience=AUDIENCE, roles=["customer"])

    async def chunks():
        for _ in range(200):
            yield b"x" * 10_000

    async with served(guarded_app(verifier, limits)) as (_, port), httpx.AsyncClient() as client:
        headers = {"authorization": f"Bearer {token}"}
        answer = await client.post(f"http://127.0.0.1:{port}/files", content=chunks(), headers=headers)
    assert answer.json() == 2_000_000
