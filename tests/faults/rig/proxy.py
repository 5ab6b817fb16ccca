"""A TCP proxy that misbehaves on demand: delays, black holes, one-way partitions, resets and refusals.

What a partition holds back is passed on when it heals, as TCP would send it again. The proxy runs in a thread of its own, so that
whoever drives the campaign cannot stall it.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

CHUNK_BYTES = 1 << 16
LOOK_S = 0.02
FAIR_LOOK_S = 0.25
CLOSING_S = 0.1


@dataclass(frozen=True)
class Weather:
    """How a proxy treats bytes now. `up` is from clients to the server, `down` the answers; both flow in good weather.

    `refuse` ends new and present connections. `reset_after_bytes` resets a connection once so many bytes went up on it since the
    weather came.
    """

    up: bool = True
    down: bool = True
    delay_s: float = 0.0
    refuse: bool = False
    reset_after_bytes: int | None = None


FAIR = Weather()
BLACK_HOLE = Weather(up=False, down=False)
DEAF = Weather(up=False)
MUTE = Weather(down=False)
REFUSING = Weather(refuse=True)


class Proxy:
    """One proxied server. `target` is asked for the server's port at each connection: it may change, or not be there yet."""

    def __init__(self, port: int, target: Callable[[], int]) -> None:
        self.port = port
        self.resets = 0
        self._target = target
        self._weather = FAIR
        self._pipes: set[asyncio.Task[None]] = set()

    def set(self, weather: Weather) -> None:
        """Let another weather come, for present and new connections."""
        self._weather = weather

    def heal(self) -> None:
        """Let the weather be fair again."""
        self._weather = FAIR

    def delay(self, seconds: float) -> None:
        """Delay every chunk, in both directions."""
        self._weather = replace(FAIR, delay_s=seconds)

    async def serve(self) -> None:
        """Serve until cancelled."""
        async with await asyncio.start_server(self._accept, "127.0.0.1", self.port) as server:
            await server.serve_forever()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pipes.add(task)
        try:
            await self._join(reader, writer)
        finally:
            self._pipes.discard(task)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._weather.refuse:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target())
        except OSError:
            writer.transport.abort()
            return
        ways = [
            asyncio.create_task(self._pass(reader, far_writer, up=True)),
            asyncio.create_task(self._pass(far_reader, writer, up=False)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (writer, far_writer):
                end.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, up: bool) -> None:
        """Pass bytes on until one side ends or the weather breaks the connection."""
        since, passed = self._weather, 0
        with contextlib.suppress(OSError):
            while chunk := await self._read(source):
                while not (self._weather.up if up else self._weather.down):  # noqa: ASYNC110 - set by another thread
                    await asyncio.sleep(LOOK_S)
                if self._weather is not since:
                    since, passed = self._weather, 0
                if self._weather.delay_s:
                    await asyncio.sleep(self._weather.delay_s)
                passed += len(chunk)
                limit = self._weather.reset_after_bytes
                if up and limit is not None and passed > limit:
                    self.resets += 1
                    return
                sink.write(chunk)
                await sink.drain()

    async def _read(self, source: asyncio.StreamReader) -> bytes:
        """Read what there is; nothing at the end, or when the weather refuses."""
        reading = asyncio.ensure_future(source.read(CHUNK_BYTES))
        try:
            while not reading.done():
                await asyncio.wait({reading}, timeout=LOOK_S if self._weather is not FAIR else FAIR_LOOK_S)
                if self._weather.refuse:
                    return b""
            return reading.result()
        finally:
            reading.cancel()


class ProxyThread:
    """Runs proxies in a thread with an event loop of its own until `stop`."""

    def __init__(self, *proxies: Proxy) -> None:
        self._proxies = proxies
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="proxies", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End every connection and the thread."""
        self._loop.call_soon_threadsafe(self._serving.cancel)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._serving = self._loop.create_task(self._serve())
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._serving)
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.run_until_complete(asyncio.sleep(CLOSING_S))  # aborted transports close in the next rounds
        self._loop.close()

    async def _serve(self) -> None:
        await asyncio.gather(*(proxy.serve() for proxy in self._proxies))
