"""The life of a process: signals, heartbeats, draining, and ending when one of its tasks fails."""

import asyncio
import contextlib
import gc
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import TypeVar

import uvloop

from gridcare.errors import Retryable, SettingsError
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from gridcare.process.backoff import Backoff

GRACE_S = 20.0
"""How long a process may drain before it is cancelled; GRIDCARE_SHUTDOWN_GRACE_S overrides it."""

BEAT_INTERVAL_S = 10.0
COLLECT_AFTER_OBJECTS = 20_000
STEP_BACKOFF_FIRST_S = 1.0
STEP_BACKOFF_MAX_S = 10.0

Main = Callable[["Lifecycle"], Awaitable[None]]
Command = Callable[[Sequence[str]], Coroutine[None, None, int]]

T = TypeVar("T")

logger = get_logger()


class Lifecycle:
    """What the loops of a process share: whether to stop, and a heartbeat.

    A loop calls `beat()` on each round; the liveness probe (gridcare.process.health) fails if the last beat is too old.
    """

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.last_beat_s = time.monotonic()
        self.started = False
        """It has looked for the database once: from now on it works or waits in place, and a restart cannot help."""
        self.ready = False
        self.last_refusal_s: float | None = None
        self.grace_s = GRACE_S

    def beat(self) -> None:
        self.last_beat_s = time.monotonic()

    def stop(self) -> None:
        self.stopping.set()

    async def pause(self, seconds: float) -> bool:
        """Wait, but no longer than until the process is told to stop. Return True unless it was told to stop."""
        self.beat()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)
        self.beat()
        return not self.stopping.is_set()

    async def unless_stopped(self, step: Coroutine[None, None, T]) -> T | None:
        """Return what `step` returns; None, with the step cancelled, once the process is told to stop."""
        stepping, told = asyncio.ensure_future(step), asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait({stepping, told}, return_when=asyncio.FIRST_COMPLETED)
            return stepping.result() if stepping.done() else None
        finally:
            told.cancel()
            stepping.cancel()
            await asyncio.wait({stepping})


async def run_together(lifecycle: Lifecycle, *loops: Awaitable[None]) -> None:
    """Run loops until all return. The first one to fail stops the others, and its error is raised.

    A loop that died alone would leave a process that looks alive and does nothing.
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
    """Call `step` until told to stop, as `repeat_with` does; with nothing done, rest for `interval_s`."""
    await repeat_with(lifecycle, step, rest=partial(_rest, lifecycle, interval_s), name=name)


async def repeat_with(
    lifecycle: Lifecycle, step: Callable[[], Awaitable[int]], *, rest: Callable[[], Awaitable[None]], name: str
) -> None:
    """Call `step` until told to stop: again at once if it did some work (it returns how much), else after a `rest`.

    A step that raises Retryable is tried again after longer and longer pauses; any other error ends the loop, and so the
    process.
    """
    backoff = Backoff(first_s=STEP_BACKOFF_FIRST_S, limit_s=STEP_BACKOFF_MAX_S)
    while not lifecycle.stopping.is_set():
        lifecycle.beat()
        try:
            done = await step()
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
        if not done:
            await rest()


Loop = tuple[str, float, Callable[[], Awaitable[int]]]
"""A loop: its name, how many seconds it rests when there is no work, and the function that it calls."""


async def repeat_all(lifecycle: Lifecycle, *loops: Loop) -> None:
    """Run loops concurrently until told to stop; a bug in one ends them all."""
    await run_together(
        lifecycle, *(repeat(lifecycle, step, interval_s=interval_s, name=name) for name, interval_s, step in loops)
    )


async def _rest(lifecycle: Lifecycle, seconds: float) -> None:
    """Pause, but keep beating: some loops rest for longer than the liveness probe allows between beats."""
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
    """Exclude everything imported from garbage collection, and collect less often than after the default 700 new objects.

    A process with a few thousand requests under way spent a fifth of its time scanning them (measured in the sender). The
    collector only frees reference cycles; everything else is freed at once, so memory does not grow because of this.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS, 10, 10)


def run(processes: Mapping[str, Main], commands: Mapping[str, Command]) -> int:
    """Run the process or operational command that the first argument names and return the exit status.

    0: stopped as told. 1: died of a bug; restart it. 2: wrong settings or arguments; restarting cannot help.
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
