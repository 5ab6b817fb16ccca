"""Serves an emulator with granian (HTTP/1.1, HTTP/2 and TLS in Rust) in one process, so that kill -9 leaves nothing."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import uvloop
from granian.http import HTTP2Settings
from granian.server.embed import Server

from gridcare_local.emulators.emulator import ADMIN, Emulator, not_found
from gridcare_local.emulators.http import HTTPProtocol, Reply, Request, Scope, json_answer, read_body, send

PARENT_LOOK_S: Final = 1.0
STREAMS_MAX: Final = 100  # per connection, as with the real FCM

Handler = Callable[[Scope, HTTPProtocol], Awaitable[None]]
logger = logging.getLogger(__name__)


def handler(emulator: Emulator) -> Handler:
    """Return the RSGI application of an emulator."""

    async def answer(request: Request) -> Reply:
        return await (emulator.admin(request) if request.path.startswith(ADMIN) else emulator.answer(request))

    return _application(answer)


def control_handler(emulator: Emulator) -> Handler:
    """Return the RSGI application that answers only requests below /_emulator/."""

    async def answer(request: Request) -> Reply:
        return await emulator.admin(request) if request.path.startswith(ADMIN) else not_found()

    return _application(answer)


def _application(answer: Callable[[Request], Awaitable[Reply]]) -> Handler:
    async def handle(scope: Scope, protocol: HTTPProtocol) -> None:
        body = await read_body(scope, protocol)
        if body is None:
            await send(protocol, json_answer({"error": "the body is too long"}, 413))
            return
        try:
            reply = await answer(Request(scope.method, scope.path, scope.query_string, scope.headers, body))
        except Exception:
            logger.exception("%s %s", scope.method, scope.path)
            reply = json_answer({"error": "the emulator has a bug: see its log"}, 500)
        await send(protocol, reply)

    return handle


def serve(emulator: Emulator, *, fast: Handler | None = None, certificate: tuple[Path, Path] | None = None) -> None:
    """Serve until a signal. `certificate` is (chain, key) as PEM files. `fast` replaces the ordinary application."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    uvloop.run(_serve(emulator, fast or handler(emulator), certificate))


async def _serve(emulator: Emulator, application: Handler, certificate: tuple[Path, Path] | None) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # nothing is buffered, so an immediate exit loses nothing that was answered
        loop.add_signal_handler(number, os._exit, 0)
    settings = emulator.settings
    servers = [_listen(application, settings.host, settings.port, certificate)]
    if settings.control_port is not None:
        servers.append(_listen(control_handler(emulator), settings.host, settings.control_port, None))
    emulator.rebuild()
    await emulator.started()
    watch = None if settings.parent_pid is None else loop.create_task(_leave_with(settings.parent_pid))
    await asyncio.gather(*(server.serve() for server in servers))
    if watch is not None:
        watch.cancel()


def _listen(application: Handler, host: str, port: int, certificate: tuple[Path, Path] | None) -> Server:
    _refuse_taken_port(host, port)
    chain, key = certificate or (None, None)
    return Server(
        application,
        address=host,
        port=port,
        ssl_cert=chain,
        ssl_key=key,
        log_enabled=False,
        websockets=False,
        backlog=1024,
        backpressure=16_384,
        http2_settings=HTTP2Settings(max_concurrent_streams=STREAMS_MAX),
    )


def _refuse_taken_port(host: str, port: int) -> None:
    """Exit if another process listens on the port: granian sets SO_REUSEPORT, so each would get some requests."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SystemExit(f"port {port} is taken: {error.strerror}") from error


async def _leave_with(parent_pid: int) -> None:
    while os.getppid() == parent_pid:  # noqa: ASYNC110 - the kernel sends no event when a parent ends
        await asyncio.sleep(PARENT_LOOK_S)
    os._exit(0)
