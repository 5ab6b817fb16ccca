"""The life of a process: signals, beating, draining, and dying when one of its tasks dies."""

import asyncio
import contextlib
import gc
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

import structlog
import uvloop

from gridcare.errors import Retryable, SettingsError
from gridcare.observability import metrics
from gridcare.process.backoff import Backoff

GRACE_S = 20.0
"""How long a process may drain before it is cancelled; settings set another value (GRIDCARE_SHUTDOWN_GRACE_S)."""

BEAT_INTERVAL_S = 10.0
COLLECT_AFTER_OBJECTS = 20_000
STEP_BACKOFF_FIRST_S = 1.0
STEP_BACKOFF_MAX_S = 10.0

Main = Callable[["Lifecycle"], Awaitable[None]]
Command = Callable[[Sequence[str]], Coroutine[None, None, int]]

logger = structlog.get_logger()


class Lifecycle:
    """What a process's loops share: whether to stop, and a sign of life.

    A loop calls `beat()` on each round; liveness (gridcare.http.health) fails when the last beat is too old.
    """

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.last_beat_s = time.monotonic()
        self.ready = False
        self.grace_s = GRACE_S

    def beat(self) -> None:
        self.last_beat_s = time.monotonic()

    def stop(self) -> None:
        self.stopping.set()

    async def pause(self, seconds: float) -> bool:
        """Wait, or less when the process is told to stop; true while it goes on."""
        self.beat()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)
        self.beat()
        return not self.stopping.is_set()


async def run_together(lifecycle: Lifecycle, *loops: Awaitable[None]) -> None:
    """Run loops until all return; the first one that fails stops the others and its error is raised.

    A loop that dies alone would leave a process that looks alive and does nothing.
    """
    tasks = [asyncio.ensure_future(loop) for loop in loops]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        lifecycle.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def repeat(lifecycle: Lifecycle, step: Callable[[], Awaitable[int]], *, interval_s: float, name: str) -> None:
    """Call `step` until told to stop: again at once while it finds work, else after `interval_s`.

    A step that raises Retryable is tried again after longer and longer pauses; any other error ends the loop, and so the
    process.
    """
    backoff = Backoff(first_s=STEP_BACKOFF_FIRST_S, limit_s=STEP_BACKOFF_MAX_S)
    while not lifecycle.stopping.is_set():
        lifecycle.beat()
        try:
            found = await step()
        except Retryable as error:
            backoff_s = backoff.failed()
            metrics.LOOP_FAILURES.inc(loop=name)
            logger.warning(
                "step_waits", step=name, error_class=type(error.__cause__ or error).__name__, backoff_s=backoff_s
            )
            await lifecycle.pause(backoff_s)
            continue
        backoff.succeeded()
        lifecycle.ready = True
        if not found:
            await _rest(lifecycle, interval_s)


Step = tuple[str, float, Callable[[], Awaitable[int]]]
"""A loop's name, how many seconds it rests when it finds nothing, and what it calls."""


async def repeat_all(lifecycle: Lifecycle, *steps: Step) -> None:
    """Repeat steps side by side until told to stop; a bug in one ends them all."""
    await run_together(
        lifecycle, *(repeat(lifecycle, step, interval_s=interval_s, name=name) for name, interval_s, step in steps)
    )


async def _rest(lifecycle: Lifecycle, seconds: float) -> None:
    """Pause, beating: liveness wants a sign of life more often than some loops have work."""
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0 and await lifecycle.pause(min(left_s, BEAT_INTERVAL_S)):
        pass


async def _live(main: Main) -> None:
    lifecycle = Lifecycle()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, lifecycle.stop)
    work = asyncio.ensure_future(main(lifecycle))
    told = asyncio.ensure_future(lifecycle.stopping.wait())
    await asyncio.wait({work, told}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    _, late = await asyncio.wait({work}, timeout=lifecycle.grace_s)
    if late:
        logger.warning("drain_deadline_passed", grace_s=lifecycle.grace_s)
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        return
    work.result()


def _spare_the_collector() -> None:
    """Keep what was imported out of every later collection, and collect less often than after 700 new objects.

    A process that holds a few thousand requests under way spent a fifth of its time looking through them (measured: the
    sender). What the collector finds are cycles alone; all else goes at once, so memory does not grow for it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS, 10, 10)


def run(processes: Mapping[str, Main], commands: Mapping[str, Command]) -> int:
    """Run the process or the operational command named by the first argument; the exit status.

    0 ended as told, 1 died of a bug (to be restarted), 2 configured or called wrongly (restarting cannot help).
    """
    arguments = sys.argv[1:]
    name = arguments[0] if arguments else ""
    try:
        if name in processes:
            _spare_the_collector()
            uvloop.run(_live(processes[name]))
            return 0
        if name in commands:
            return uvloop.run(commands[name](arguments[1:]))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except Exception as error:
        logger.critical("process_died", process=name, error_class=type(error).__name__, exc_info=True)
        return 1
    sys.stderr.write(f"usage: one of {' '.join([*processes, *commands])}\n")
    return 2
