"""The requests and answers of the emulators, read and sent over RSGI."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from granian import rsgi
from granian._granian import (  # hidden from type checkers by granian.rsgi
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
HANG_S: Final = 600.0  # longer than any client's deadline; closes connections that a client forgot
JSON: Final = "application/json"
HTML: Final = "text/html; charset=utf-8"
TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """A request with its complete body."""

    method: str
    path: str
    query_string: str
    headers: Headers
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters. Of several with one name, the last counts."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The parameters of a form body. Of several with one name, the last counts."""
        return dict(parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, sent after `after_s`."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = JSON
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer until the client disconnects."""


@dataclass(frozen=True, slots=True)
class Lines:
    """An answer of journal lines, sent in pieces."""

    lines: Any = field(repr=False)


Reply = Answer | Hang | Lines


def json_answer(
    value: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = (), after_s: float = 0.0
) -> Answer:
    """Return an answer with a JSON document."""
    return Answer(status, msgspec.json.encode(value), headers, JSON, after_s)


async def read_body(scope: Scope, protocol: HTTPProtocol) -> bytes | None:
    """Return the body, or None if it is longer than BODY_BYTES_MAX.

    Up to DRAIN_BYTES_MAX of a longer body are read, so that its sender gets the refusal instead of a broken connection.
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
    """Send a reply."""
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
