"""The campaign's proxy passes bytes, holds them back, and breaks connections when it is told to."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.faults.rig.proxy import BLACK_HOLE, MUTE, REFUSING, Proxy, ProxyThread, Weather

from gridcare_local.emulators.control import free_port

HELD_S = 0.3


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """Yield the port of a server that sends back what it gets."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(1000):
                writer.write(chunk)
        writer.transport.abort()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
def proxy(echo) -> Iterator[Proxy]:
    """Yield a proxy in front of it."""
    made = Proxy(free_port(), lambda: echo)
    thread = ProxyThread(made)
    thread.start()
    yield made
    thread.stop()


async def _connect(proxy: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", proxy.port)
        except ConnectionRefusedError:  # its thread has not started to listen
            await asyncio.sleep(0.01)


async def _comes_back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: bytes) -> bool:
    writer.write(text)
    return await reader.readexactly(len(text)) == text


async def test_fair_weather_passes_bytes(proxy):
    """What is sent comes back."""
    reader, writer = await _connect(proxy)
    assert await _comes_back(reader, writer, b"hello" * 1000)
    writer.close()


@pytest.mark.parametrize("weather", [BLACK_HOLE, MUTE], ids=["black-hole", "one-way"])
async def test_partitions_hold_bytes_back(proxy, weather):
    """Nothing comes while the partition lasts, and everything when it heals."""
    reader, writer = await _connect(proxy)
    assert await _comes_back(reader, writer, b"before")
    proxy.set(weather)
    writer.write(b"held")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(4), HELD_S)
    proxy.heal()
    assert await reader.readexactly(4) == b"held"
    writer.close()


@pytest.mark.parametrize("weather", [REFUSING, Weather(reset_after_bytes=10)], ids=["refusing", "reset"])
async def test_connections_are_broken(proxy, weather):
    """A connection ends when it is refused, or when so many bytes have passed."""
    reader, writer = await _connect(proxy)
    proxy.set(weather)
    writer.write(b"x" * 100)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await asyncio.wait_for(reader.readexactly(100), 10)
    writer.close()
