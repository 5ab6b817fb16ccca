"""What a call without an answer came to, on real sockets: whether bytes were written decides."""

import asyncio
import socket
import ssl

import pytest
from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import RequestError

from gridcare.http.client import configured
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.providers.http_client import failed

NOT_DONE = Outcome(OutcomeKind.RETRY, "no-connection")
TIMEOUT = Outcome(OutcomeKind.UNKNOWN, "timeout")
LOST = Outcome(OutcomeKind.UNKNOWN, "connection-lost")

LONG_S = 10.0
SOON_S = 1.0
"""What a call that gets no answer waits for; enough to connect and to write, on a busy machine too."""


async def outcome_of(url: str, *, http2: bool = False, deadline_s: float = LONG_S) -> Outcome:
    builder = configured(ClientBuilder(), url=url, deadline_s=deadline_s)
    async with (builder.http2_prior_knowledge() if http2 else builder).build() as client:
        with pytest.raises(RequestError) as raised:
            await client.post(url).body_bytes(b"x" * 2000).build().send()
    return failed(raised.value)


async def never_answers(reader, writer):
    await reader.read(10)
    await asyncio.Event().wait()


async def resets(reader, writer):
    await reader.read(10)
    writer.transport.abort()


async def closes(reader, writer):
    await reader.read(4000)


async def answers_half(reader, writer):
    await reader.read(4000)
    writer.write(b"HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{")


async def stops_in_the_body(reader, writer):
    await reader.read(4000)
    writer.write(b"HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{")
    await asyncio.Event().wait()


async def talks_nonsense(reader, writer):
    await reader.read(4000)
    writer.write(b"220 ready\r\n\r\n")


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("handle", [resets, closes, talks_nonsense])
async def test_connection_lost_after_writing(misbehaving, handle, http2):
    """Reset, closed or garbled after the request was written: it may have been taken."""
    async with misbehaving(handle) as port:
        assert await outcome_of(f"http://127.0.0.1:{port}/", http2=http2) == LOST


@pytest.mark.parametrize("http2", [False, True])
async def test_no_answer_is_unknown(misbehaving, http2):
    """A server that took the request and says nothing may have done it."""
    async with misbehaving(never_answers) as port:
        assert await outcome_of(f"http://127.0.0.1:{port}/", http2=http2, deadline_s=SOON_S) == TIMEOUT


@pytest.mark.parametrize(
    ("handle", "outcome", "deadline_s"), [(answers_half, LOST, LONG_S), (stops_in_the_body, TIMEOUT, SOON_S)]
)
async def test_half_an_answer_is_unknown(misbehaving, handle, outcome, deadline_s):
    """An answer that breaks off, or stops, in its body says nothing."""
    async with misbehaving(handle) as port:
        assert await outcome_of(f"http://127.0.0.1:{port}/", deadline_s=deadline_s) == outcome


@pytest.mark.parametrize("http2", [False, True])
async def test_refused_connection(http2):
    """Nobody listens: nothing was written."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        assert await outcome_of(f"http://127.0.0.1:{holder.getsockname()[1]}/", http2=http2) == NOT_DONE


@pytest.mark.parametrize("handle", [resets, closes, talks_nonsense])
async def test_failed_tls_handshake(misbehaving, handle):
    """A handshake that fails comes before the request."""
    async with misbehaving(handle) as port:
        assert await outcome_of(f"https://127.0.0.1:{port}/") == NOT_DONE


async def test_certificate_of_a_stranger(misbehaving, running_fcm):
    """A server whose certificate is not trusted gets no request."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(running_fcm.state_dir / "server.pem", running_fcm.state_dir / "server-key.pem")
    async with misbehaving(never_answers, tls=tls) as port:
        assert await outcome_of(f"https://127.0.0.1:{port}/") == NOT_DONE
