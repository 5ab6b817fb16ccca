"""Connections: silence has a deadline, the silent make room, and readiness tells of refusals."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
from fastapi import Request, Response

from gridcare.http.app import create_app
from gridcare.http.edge.address import Networks, client_address
from gridcare.http.guard import Router
from gridcare.http.routes import public
from gridcare.process.connections import ConnectionLimits, Doorkeeper
from gridcare.process.health import LAST_REQUESTS_S, REFUSAL_SHOWS_S, health_app, serve
from gridcare.process.lifecycle import Lifecycle
from gridcare.testing.metrics import sample
from gridcare.testing.waiting import eventually

MORE_THAN_SOCKETS_HOLD = 32 * 1024**2


@dataclass
class Served:
    """A server: where it is, its life, and what steers its route `/hold`."""

    port: int
    life: Lifecycle
    held: asyncio.Semaphore
    go: asyncio.Event

    async def ask(self, path, **headers):
        """Send one request on a connection of its own. Return status and text."""
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        return answer.status_code, answer.text

    async def connect(self, sent=b""):
        """Open a connection and send some bytes. Return its reader and writer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        return reader, writer


@asynccontextmanager
async def served(**limits):
    """Serve an app whose `/hold` stays under way, and whose `/address` says who is calling."""
    router = Router()
    held, go, life = asyncio.Semaphore(0), asyncio.Event(), Lifecycle()

    @router.get("/hold")
    @public("a test")
    async def hold() -> str:
        held.release()
        await go.wait()
        return "held"

    @router.get("/address")
    @public("a test")
    async def address(request: Request) -> str:
        return client_address(request)

    @router.get("/long")
    @public("a test")
    async def long() -> Response:
        return Response(bytes(MORE_THAN_SOCKETS_HOLD))

    app = create_app(title="Test", version="1", routers=[router])
    bound = asyncio.get_running_loop().create_future()
    serving = serve(app, life, host="127.0.0.1", port=0, bound=bound, limits=ConnectionLimits(**limits))
    running = asyncio.create_task(serving)
    try:
        yield Served(await asyncio.wait_for(bound, 10), life, held, go)
    finally:
        go.set()
        life.stop()
        await running


async def until_closed(reader):
    """Read until the server closes the connection, and return what it sent."""
    try:
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize("sent", [b"", b"G", b"GET /address HTTP/1.1\r\nHost: x\r\n"])
async def test_silent_connections_are_closed(sent):
    """A connection without complete headers is closed at its deadline."""
    before = sample("connections_dropped_total", reason="headers")
    async with served(headers_timeout_s=0.1) as server:
        reader, writer = await server.connect(sent)
        assert await until_closed(reader) == b""
        writer.close()
    assert sample("connections_dropped_total", reason="headers") == before + 1


async def test_dripping_headers_are_closed():
    """Byte after byte does not move the deadline."""
    async with served(headers_timeout_s=0.2) as server:
        reader, writer = await server.connect(b"GET /address HTTP/1.1\r\n")
        closed = asyncio.create_task(until_closed(reader))
        while not closed.done():
            writer.write(b"x")
            await asyncio.wait({closed}, timeout=0.01)
        assert await closed == b""
        writer.close()


async def test_second_requests_have_deadlines():
    """The headers of a later request on the same connection have the same deadline; a slow answer has none."""
    request = b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"
    async with served(headers_timeout_s=0.15) as server:
        reader, writer = await server.connect(request)
        await server.held.acquire()
        await asyncio.wait({asyncio.create_task(server.held.acquire())}, timeout=0.3)  # twice the deadline
        server.go.set()
        assert (await asyncio.wait_for(reader.readuntil(b'"held"'), 10)).startswith(b"HTTP/1.1 200")
        writer.write(b"GET /ho")
        assert await until_closed(reader) == b""
        writer.close()


async def test_late_requests_are_answered():
    """A request that was on its way when the process was told to end is answered, and its client asked to go elsewhere."""
    request = b"GET /address HTTP/1.1\r\nHost: x\r\n\r\n"
    async with served() as server:
        reader, writer = await server.connect(request)
        assert b"connection: close" not in await asyncio.wait_for(reader.readuntil(b"127.0.0.1"), 10)
        server.life.stop()
        await asyncio.sleep(LAST_REQUESTS_S / 4)
        writer.write(request)
        answer = await until_closed(reader)
        assert b"HTTP/1.1 200 OK" in answer
        assert b"connection: close" in answer
        writer.close()


async def test_pipelined_requests_are_served():
    """Several requests that come at once are answered one after the other, however their parts are cut."""
    request = b"GET /address HTTP/1.1\r\nHost: x\r\n\r\n"
    async with served(headers_timeout_s=5) as server:
        reader, writer = await server.connect(request * 2 + request[:10])
        for _ in range(2):
            await asyncio.wait_for(reader.readuntil(b'"127.0.0.1"'), 10)
        writer.write(request[10:])
        assert await asyncio.wait_for(reader.readuntil(b'"127.0.0.1"'), 10)
        writer.close()


def test_network_is_one_address():
    """A stranger with an IPv6 network of 2^64 addresses has the connections of one address."""
    keeper = Doorkeeper(ConnectionLimits(per_address_max=2), on_refusal=lambda: None)
    asked = [(object(), f"2001:db8:0:{network}::{host}") for network, host in ((7, 1), (7, 2), (7, 3), (8, 1))]
    taken = []
    for connection, address in asked:
        taken.append(keeper.lets_in(connection, address))
        keeper.works(connection)
    assert taken == [True, True, False, True]


@pytest.mark.parametrize("limits", [{"per_address_max": 5}, {"total_max": 5}])
async def test_the_silent_make_room(limits):
    """Silent connections, however many, keep nobody out and do not make the process unready."""
    async with served(**limits) as server:
        silent = [await server.connect() for _ in range(30)]
        for _ in range(3):
            assert (await server.ask("/address"))[0] == 200
        assert await until_closed(silent[0][0]) == b""
        assert server.life.last_refusal_s is None
        for _, writer in silent:
            writer.close()


async def test_crowded_addresses_harm_nobody():
    """Where every place of one address has a request under way the newcomer is refused, and the process stays ready."""
    async with served(per_address_max=1) as server:
        holding = asyncio.create_task(server.ask("/hold"))
        await asyncio.wait_for(server.held.acquire(), 10)
        with pytest.raises(httpx.TransportError):
            await server.ask("/address")
        assert server.life.last_refusal_s is None
        server.go.set()
        assert await holding == (200, '"held"')


async def test_unread_answers_are_dropped():
    """A client that does not read its answer is disconnected: its request is not under way for ever."""
    before = sample("connections_dropped_total", reason="answer")
    async with served(answer_timeout_s=0.3) as server:
        _, writer = await server.connect(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
        await eventually(lambda: sample("connections_dropped_total", reason="answer") == before + 1)
        writer.transport.abort()
        assert await server.ask("/address") == (200, '"127.0.0.1"')


async def test_full_servers_say_so():
    """Where every place has a request under way the newcomer is refused, and readiness tells it for some seconds."""
    async with served(total_max=2) as server:
        holding = [asyncio.create_task(server.ask("/hold")) for _ in range(2)]
        for _ in holding:
            await asyncio.wait_for(server.held.acquire(), 10)
        with pytest.raises(httpx.TransportError):
            await server.ask("/address")
        probe = httpx.ASGITransport(app=health_app(server.life))
        async with httpx.AsyncClient(transport=probe, base_url="http://probe.test") as client:
            refusing = await client.get("/readyz")
            server.life.last_refusal_s -= REFUSAL_SHOWS_S + 1
            again = await client.get("/readyz")
        assert (refusing.status_code, refusing.text) == (503, "failing: refusing\n")
        assert again.status_code == 200
        server.go.set()
        assert [await each for each in holding] == [(200, '"held"')] * 2
        assert (await server.ask("/address"))[0] == 200


async def test_trusted_proxies_are_not_counted():
    """All customers come through the proxy's address: its connections have no limit of their own."""
    async with served(per_address_max=1, trusted_proxies=Networks.of_text("127.0.0.0/8")) as server:
        holding = [asyncio.create_task(server.ask("/hold")) for _ in range(3)]
        for _ in holding:
            await asyncio.wait_for(server.held.acquire(), 10)
        server.go.set()
        assert [status for status, _ in await asyncio.gather(*holding)] == [200] * 3


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.9, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, 127.0.0.5", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("203.0.113.7:51234", "203.0.113.7"),
        ("unknown", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
async def test_proxies_name_the_caller(forwarded, address):
    """Behind a trusted proxy the caller is the last address that no trusted proxy added, and always an address."""
    async with served(trusted_proxies=Networks.of_text("127.0.0.0/8")) as server:
        assert await server.ask("/address", **{"x-forwarded-for": forwarded}) == (200, f'"{address}"')


async def test_others_name_nobody():
    """Without a trusted proxy the header is only what a client claims."""
    async with served() as server:
        assert await server.ask("/address", **{"x-forwarded-for": "203.0.113.7"}) == (200, '"127.0.0.1"')
