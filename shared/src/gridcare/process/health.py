"""The health port of every process, and the server that runs an app inside the process's own event loop.

`/livez`     a loop of the process has beaten recently. Kafka and the database are not asked: if they were, a broker's
             failure would restart every process.
`/startupz`  the process has been ready once, or waits for its database or its broker: being restarted would not help it.
`/readyz`    the process is ready, is not stopping, refused nobody for want of room in the last seconds, and its checks pass.
`/metrics`   Prometheus metrics.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from functools import partial
from typing import Final, Protocol, cast

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from gridcare.errors import GridcareError
from gridcare.http.edge.refusals import hear_refusals
from gridcare.observability import instruments
from gridcare.process.connections import DEFAULT_LIMITS, ConnectionLimits, Doorkeeper, GuardedProtocol

BEAT_AGE_MAX_S: Final = 60
BEAT_INTERVAL_S: Final = 10
CHECK_TIMEOUT_S: Final = 2
DRAIN_MARGIN_S: Final = 2
"""Kept back from the grace period, for closing the pool, the producer and the trace file after requests have drained."""
LAST_REQUESTS_S: Final = 1.0
"""For requests that are on their way when the process is told to end: longer than a client's network takes to hear of it."""
KEEP_ALIVE_S: Final = 75
REFUSAL_SHOWS_S: Final = 5
"""How long a process that refused somebody for want of room counts as not ready: others may have room."""
BACKLOG: Final = 2048
HEADERS_MAX_BYTES: Final = 32 * 1024

Check = Callable[[], Awaitable[object]]
"""Raises if the process should receive no work."""


class Life(Protocol):
    """The part of gridcare.process.lifecycle.Lifecycle that is used here."""

    stopping: asyncio.Event
    last_beat_s: float
    started: bool
    ready: bool
    grace_s: float
    last_refusal_s: float | None

    def beat(self) -> None: ...


class ServerError(GridcareError):
    """The server could not start."""


def health_app(life: Life, *, checks: Mapping[str, Check] | None = None) -> ASGIApp:
    """Return the ASGI app of the health port. Answers name the checks that fail, never their errors."""
    named = dict(checks or {})
    started = False

    async def answer(path: str) -> tuple[int, bytes, str]:
        nonlocal started
        started = started or life.started or life.ready
        if path == "/metrics":
            return 200, instruments.render(), instruments.CONTENT_TYPE
        if path == "/livez":
            age_s = time.monotonic() - life.last_beat_s
            return _verdict([] if age_s <= BEAT_AGE_MAX_S else ["beat"])
        if path == "/startupz":
            return _verdict([] if started else ["starting"])
        if path == "/readyz":
            if life.stopping.is_set() or not life.ready:
                return _verdict(["stopping" if life.stopping.is_set() else "starting"])
            return _verdict([*_refusing(life), *await _failing(named)])
        return 404, b"not found\n", "text/plain"

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - the ASGI signature
        if scope["type"] != "http":
            return
        status, body, content_type = await answer(scope["path"])
        headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    return app


def _verdict(failing: list[str]) -> tuple[int, bytes, str]:
    text = "ok\n" if not failing else "failing: " + " ".join(failing) + "\n"
    return (503 if failing else 200), text.encode(), "text/plain"


def _refusing(life: Life) -> list[str]:
    recent = life.last_refusal_s is not None and time.monotonic() - life.last_refusal_s <= REFUSAL_SHOWS_S
    return ["refusing"] if recent else []


async def _failing(checks: Mapping[str, Check]) -> list[str]:
    async def fails(check: Check) -> bool:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                await check()
        except Exception:  # noqa: BLE001 - whatever a check raises, the process is not ready
            return True
        return False

    results = await asyncio.gather(*(fails(check) for check in checks.values()))
    return [name for name, failed in zip(checks, results, strict=True) if failed]


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers (gridcare.process.lifecycle owns the signals) and without its SystemExit."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as error:  # raised in a task, it would tear down the event loop past every clean-up
            raise ServerError("the app's start failed; see the log") from error


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket, so that the address is taken before anything else starts. Raises ServerError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise ServerError(f"cannot listen on {host}:{port} ({error.strerror})") from error
    return listening


async def serve(
    app: ASGIApp,
    life: Life,
    *,
    host: str,
    port: int,
    limits: ConnectionLimits = DEFAULT_LIMITS,
    bound: "asyncio.Future[int] | None" = None,
    beat_interval_s: float = BEAT_INTERVAL_S,
) -> None:
    """Serve `app` until `life.stopping` is set, then finish the requests under way.

    Marks the process ready once it listens, and beats while it serves. `bound` receives the port (port 0 picks a free
    one). Raises ServerError if the app or its socket does not start.
    """
    with bind(host, port) as listening:
        server = _server(
            _heard(app, life), life, limits, drain_s=max(1.0, life.grace_s - LAST_REQUESTS_S - DRAIN_MARGIN_S)
        )
        running = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            await _until_started(server, running)
            life.ready = True
            if bound is not None:
                bound.set_result(listening.getsockname()[1])
            stopping = asyncio.create_task(life.stopping.wait())
            while not running.done() and not stopping.done():
                life.beat()  # a request that blocks the loop stops the beats, and the health port too
                await asyncio.wait({running, stopping}, timeout=beat_interval_s, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            await _part_from_clients(server)
        finally:
            server.should_exit = True
            await running


@contextlib.asynccontextmanager
async def serving(life: Life, *, host: str, port: int, checks: Mapping[str, Check] | None = None) -> AsyncIterator[int]:
    """Keep the health port open inside the block, which includes draining. Yields the port."""
    with bind(host, port) as listening:
        server = _server(health_app(life, checks=checks), life, DEFAULT_LIMITS, drain_s=1)
        running = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            await _until_started(server, running)
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await running


async def _part_from_clients(server: _Server) -> None:
    """Ask every client in its next answer to send no more on this connection, for LAST_REQUESTS_S (RFC 9112, section 9.6).

    uvicorn closes what waits as soon as it is told to end: a request that is on its way then has no answer, and its client
    cannot know whether it was served.
    """
    server.server_state.default_headers.append((b"connection", b"close"))
    if server.server_state.connections:
        await asyncio.sleep(LAST_REQUESTS_S)


def _heard(app: ASGIApp, life: Life) -> ASGIApp:
    """Return the app, whose refusals for want of room are noted in the process's life."""
    note = partial(_note_refusal, life)

    async def heard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            hear_refusals(scope, note)
        await app(scope, receive, send)

    return heard


def _note_refusal(life: Life) -> None:
    life.last_refusal_s = time.monotonic()


def _server(app: ASGIApp, life: Life, limits: ConnectionLimits, *, drain_s: float) -> _Server:
    doorkeeper = Doorkeeper(limits, on_refusal=partial(_note_refusal, life))
    config = uvicorn.Config(
        app,
        log_config=None,  # observability/logging.py routes uvicorn's loggers
        access_log=False,  # it would log addresses and query strings; the middleware logs route templates
        lifespan="auto",
        ws="none",
        http=cast("type[asyncio.Protocol]", partial(GuardedProtocol, doorkeeper)),
        proxy_headers=bool(limits.trusted_proxies.networks),
        forwarded_allow_ips=str(limits.trusted_proxies),
        server_header=False,
        limit_concurrency=None,  # it answers 503 to everybody while connections are open that say nothing
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(drain_s),
        h11_max_incomplete_event_size=HEADERS_MAX_BYTES,
    )
    return _Server(config)


async def _until_started(server: _Server, running: "asyncio.Task[None]") -> None:
    while not server.started:
        if running.done():
            running.result()
            raise ServerError("the server ended before it started")
        await asyncio.sleep(0.005)
