"""The health port and the server: probes, metrics, draining, failed starts."""

import asyncio
import socket
import time
from contextlib import asynccontextmanager

import httpx
import pytest

from gridcare.http.app import create_app
from gridcare.http.guard import Router
from gridcare.http.routes import public
from gridcare.process.health import BEAT_AGE_MAX_S, ServerError, health_app, serve, serving
from gridcare.process.lifecycle import Lifecycle


@asynccontextmanager
async def probing(life, **checks):
    transport = httpx.ASGITransport(app=health_app(life, checks=checks))
    async with httpx.AsyncClient(transport=transport, base_url="http://probe.test") as client:
        yield client


async def ask(client, path):
    answer = await client.get(path)
    return answer.status_code, answer.text.strip()


async def test_liveness_is_the_beat():
    """A process is alive while its loops beat, whatever its dependencies do."""
    life = Lifecycle()

    async def broken():
        raise OSError

    async with probing(life, database=broken) as client:
        assert await ask(client, "/livez") == (200, "ok")
        life.last_beat_s = time.monotonic() - BEAT_AGE_MAX_S - 1
        assert await ask(client, "/livez") == (503, "failing: beat")
        life.beat()
        assert await ask(client, "/livez") == (200, "ok")


async def test_readiness_has_three_conditions():
    """Not ready before the start, while stopping or while a check fails; the check's name is told, not its error."""
    life = Lifecycle()
    working = True

    async def database():
        if not working:
            raise OSError("postgresql://user:secret@host")

    async with probing(life, database=database) as client:
        assert await ask(client, "/startupz") == (503, "failing: starting")
        assert await ask(client, "/readyz") == (503, "failing: starting")
        life.ready = True
        assert await ask(client, "/readyz") == (200, "ok")
        assert await ask(client, "/startupz") == (200, "ok")
        working = False
        assert await ask(client, "/readyz") == (503, "failing: database")
        working = True
        life.stop()
        assert await ask(client, "/readyz") == (503, "failing: stopping")
        assert await ask(client, "/startupz") == (200, "ok")
        assert await ask(client, "/elsewhere") == (404, "not found")


async def test_probes_answer_while_draining():
    """The health port answers on a real socket until the block ends."""
    life = Lifecycle()
    async with serving(life, host="127.0.0.1", port=0) as port, httpx.AsyncClient() as client:
        life.stop()
        assert (await client.get(f"http://127.0.0.1:{port}/livez")).status_code == 200
        metrics = await client.get(f"http://127.0.0.1:{port}/metrics")
        assert "gridcare_outbox_oldest_unsent_seconds" in metrics.text
        assert metrics.headers["content-type"].startswith("text/plain")
    with pytest.raises(OSError, match=r"."):
        await asyncio.open_connection("127.0.0.1", port)


async def test_requests_under_way_are_finished():
    """While stopping, the server takes no new connection and lets the open request finish."""
    router = Router()
    begun, go = asyncio.Event(), asyncio.Event()

    @router.get("/slow")
    @public("a test")
    async def slow() -> str:
        begun.set()
        await go.wait()
        return "done"

    life = Lifecycle()
    bound = asyncio.get_running_loop().create_future()
    app = create_app(title="Test", version="1", routers=[router])
    running = asyncio.create_task(serve(app, life, host="127.0.0.1", port=0, bound=bound))
    port = await asyncio.wait_for(bound, 10)
    assert life.ready
    async with httpx.AsyncClient() as client:
        request = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/slow"))
        await asyncio.wait_for(begun.wait(), 10)
        life.stop()
        await until_refused(port)
        go.set()
        assert (await request).json() == "done"
    await asyncio.wait_for(running, 10)


async def until_refused(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                return
            writer.close()
            await asyncio.sleep(0.01)


async def test_a_serving_process_beats():
    """An API that had no request for hours is alive."""
    life = Lifecycle()
    life.last_beat_s -= BEAT_AGE_MAX_S + 1
    bound = asyncio.get_running_loop().create_future()
    app = create_app(title="Test", version="1", routers=[])
    running = asyncio.create_task(serve(app, life, host="127.0.0.1", port=0, bound=bound, beat_interval_s=0.01))
    await asyncio.wait_for(bound, 10)
    async with probing(life) as client, asyncio.timeout(10):
        for _ in range(2):
            life.last_beat_s -= BEAT_AGE_MAX_S + 1
            while (await ask(client, "/livez"))[0] != 200:  # noqa: ASYNC110 - a beat has no event to wait for
                await asyncio.sleep(0.005)
    life.stop()
    await running


async def test_endless_requests_are_cut():
    """After the grace the open request is cut off."""
    router = Router()
    begun = asyncio.Event()

    @router.get("/endless")
    @public("a test")
    async def endless() -> None:
        begun.set()
        await asyncio.Event().wait()

    life = Lifecycle()
    life.grace_s = 3
    bound = asyncio.get_running_loop().create_future()
    app = create_app(title="Test", version="1", routers=[router])
    running = asyncio.create_task(serve(app, life, host="127.0.0.1", port=0, bound=bound))
    port = await asyncio.wait_for(bound, 10)
    async with httpx.AsyncClient() as client:
        request = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/endless"))
        await asyncio.wait_for(begun.wait(), 10)
        life.stop()
        await asyncio.wait_for(running, 10)
        results = await asyncio.gather(request, return_exceptions=True)
    assert isinstance(results[0], httpx.HTTPError) or results[0].status_code >= 500


async def test_a_taken_port_is_told():
    """A second process on the same port raises an error instead of exiting with SystemExit."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=str(port)):
            await serve(health_app(Lifecycle()), Lifecycle(), host="127.0.0.1", port=port)


async def test_a_failed_lifespan_raises():
    """An app that cannot start raises an error instead of exiting on its own."""

    async def connect() -> None:
        raise RuntimeError("no database")

    @asynccontextmanager
    async def failing(_):
        await connect()
        yield

    app = create_app(title="Test", version="1", routers=[], lifespan=failing)
    with pytest.raises(ServerError):
        await serve(app, Lifecycle(), host="127.0.0.1", port=0)
