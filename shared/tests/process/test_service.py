"""The start of a process while its database is away: it waits, visibly, and can be stopped."""

import asyncio
import contextlib
import socket
import time
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
from pydantic import SecretStr

from gridcare.errors import Retryable
from gridcare.process.foundation import founded
from gridcare.process.lifecycle import Lifecycle
from gridcare.process.settings import ProcessSettings
from gridcare.testing.logs import captured_logs
from gridcare.testing.waiting import eventually


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def settings(database_url: str, health_port: int) -> ProcessSettings:
    return ProcessSettings(
        database_url=SecretStr(database_url),
        database_pool_size=2,
        http_host="127.0.0.1",
        health_port=health_port,
    )


@contextlib.asynccontextmanager
async def forwarding(port: int, database_url: str):
    """Listen on `port` and pass everything on to the database's server, as if it started there only now."""
    server_of = urlsplit(database_url)

    async def pump(reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def handle(reader, writer):
        onward, back = await asyncio.open_connection(server_of.hostname, server_of.port)
        await asyncio.gather(pump(reader, back), pump(onward, writer))

    server = await asyncio.start_server(handle, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


async def probes(port: int) -> tuple[int, int, int]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        with contextlib.suppress(httpx.HTTPError):
            return tuple([(await client.get(path)).status_code for path in ("/livez", "/startupz", "/readyz")])
    return (0, 0, 0)


async def test_a_late_database_is_awaited(database_url):
    """The process waits, alive, started and not ready, and goes on once the database listens."""
    late, health_port = free_port(), free_port()
    address = urlsplit(database_url)
    login = f"{address.netloc.rpartition('@')[0]}@" if "@" in address.netloc else ""
    url = urlunsplit(address._replace(netloc=f"{login}127.0.0.1:{late}"))
    lifecycle, answers = Lifecycle(), []

    async def process():
        async with (
            founded("tests", "waiting", settings(url, health_port), lifecycle) as foundation,
            foundation.db.read() as connection,
        ):
            answers.append(await connection.fetchval("SELECT 1"))

    with captured_logs() as logs:
        running = asyncio.create_task(process())

        await eventually(lambda: len(logs.named("database_waits")) >= 2)
        assert await probes(health_port) == (200, 200, 503)
        assert not running.done()
    async with forwarding(late, database_url):
        await asyncio.wait_for(running, 30)
    assert answers == [1]


async def test_waiting_ends_at_once():
    """Neither a pause nor a server that takes the connection and says nothing delays the end."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/nothing"
        health_port, lifecycle, given = free_port(), Lifecycle(), []

        async def process():
            async with founded("tests", "waiting", settings(url, health_port), lifecycle) as foundation:
                given.append(foundation)

        running = asyncio.create_task(process())

        async def alive() -> bool:
            return (await probes(health_port))[0] == 200

        await eventually(alive)
        began_s = time.monotonic()
        lifecycle.stop()
        await asyncio.wait_for(running, 30)
        assert (given, time.monotonic() - began_s < 3) == ([None], True)


async def test_requests_hardly_wait(database_url):
    """While every connection of an api is lent, the next request is refused well within two seconds."""
    health_port = free_port()
    async with founded("tests", "api", settings(database_url, health_port), Lifecycle()) as foundation:
        db = foundation.db
        async with db.read(), db.read():
            began_s = time.monotonic()
            with pytest.raises(Retryable):
                async with db.read():
                    raise AssertionError("there was no connection left")
            assert time.monotonic() - began_s < 1.8
