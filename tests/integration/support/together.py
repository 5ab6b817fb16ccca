"""Helpers of the integration tests: running asynchronous code in synchronous tests and waiting for conditions."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

LOOK_INTERVAL_S = 0.25
"""Each look is a request or two of the very processes that are to do the work."""

QUICK_LOOK_S = 0.05
"""For who wants to catch a notice in its middle."""


def wait_until(
    condition: Callable[[], bool], *, what: str, timeout_s: float = 60.0, interval_s: float = LOOK_INTERVAL_S
) -> None:
    """Wait for a condition. Raises AssertionError, which says what was awaited, after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(interval_s)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in an event loop of its own, since pytest's loop may be running, and return its result."""
    with ThreadPoolExecutor(max_workers=1) as threads:
        return threads.submit(asyncio.run, work).result()
