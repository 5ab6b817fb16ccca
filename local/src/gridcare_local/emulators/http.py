"""Requests and answers of the emulators, and reading the one and writing the other over RSGI."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from granian import rsgi
from granian._granian import (  # granian.rsgi hides them from type checkers
    RSGIHeaders,
    RSGIHTTPProtocol,
    RSGIProtocolClosed,
)

Scope = rsgi.Scope
Headers = RSGIHeaders
HTTPProtocol = RSGIHTTPProtocol
ProtocolClosed = RSGIProtocolClosed

BODY_BYTES_MAX: Final = 1 << 20
DRAIN_BYTES_MAX: Final = 1 << 24
HANG_S: Final = 600.0  # longer than any client's deadline; ends what a forgotten client would keep open
JSON: Final = "application/json"
HTML: Final = "text/html; charset=utf-8"
TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """One request, its body read whole."""

    method: str
    path: str
    query_string: str
    headers: Headers
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, the last one of each name."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The parameters of a form body, the last one of each name."""
        return dict(parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back; `after_s` later."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = JSON
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer at all, until the client goes away."""


@dataclass(frozen=True, slots=True)
class Lines:
    """An answer of many journal lines, sent in pieces."""

    lines: Any = field(repr=False)


Reply = Answer | Hang | Lines


def json_answer(
    value: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = (), after_s: float = 0.0
) -> Answer:
    """Answer with a JSON document."""
    return Answer(status, msgspec.json.encode(value), headers, JSON, after_s)


async def read_body(scope: Scope, protocol: HTTPProtocol) -> bytes | None:
    """Read a body of at most BODY_BYTES_MAX; None when it is longer.

    A longer one is read off up to DRAIN_BYTES_MAX, so that its sender hears the refusal, not a broken connection.
    """
    length = scope.headers.get("content-length")
    if length is not None and int(length) <= BODY_BYTES_MAX:
        return await protocol()
    pieces, size = bytearray(), 0
    async for piece in protocol:
        size += len(piece)
        if size > DRAIN_BYTES_MAX:
            break
        if size <= BODY_BYTES_MAX:
            pieces += piece
    return bytes(pieces) if size <= BODY_BYTES_MAX else None


async def send(protocol: HTTPProtocol, reply: Reply) -> None:
    """Carry out a reply."""
    if isinstance(reply, Hang):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(protocol.client_disconnect(), HANG_S)
        protocol.response_empty(504, [])
        return
    if isinstance(reply, Lines):
        await _send_lines(protocol, reply)
        return
    if reply.after_s:
        await asyncio.sleep(reply.after_s)
    protocol.response_bytes(reply.status, [("content-type", reply.content_type), *reply.headers], reply.body)


async def _send_lines(protocol: HTTPProtocol, reply: Lines) -> None:
    stream = protocol.response_stream(200, [("content-type", "application/jsonl")])
    piece = bytearray()
    with contextlib.suppress(ProtocolClosed):
        for line in reply.lines:
            piece += line
            if len(piece) >= 1 << 16:
                await stream.send_bytes(bytes(piece))
                piece.clear()
        if piece:
            await stream.send_bytes(bytes(piece))
