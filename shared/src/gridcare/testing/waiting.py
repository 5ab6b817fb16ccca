"""Waiting in tests: for a condition, with a deadline, never for a fixed time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

TIMEOUT_S = 60.0
"""Far longer than anything takes, for machines that do ten other things."""

POLL_INTERVAL_S = 0.02


async def eventually(
    condition: Callable[[], bool] | Callable[[], Awaitable[bool]], *, timeout_s: float = TIMEOUT_S, what: str = ""
) -> None:
    """Wait until `condition` (a function, async or not) returns a true value. Raises AssertionError after `timeout_s`."""
    if not await came_true(condition, timeout_s=timeout_s):
        raise AssertionError(f"not within {timeout_s} s: {what or inspect.getsource(condition).strip()}")


async def came_true(condition: Callable[[], object], *, timeout_s: float, interval_s: float = POLL_INTERVAL_S) -> bool:
    """Wait for a condition (a function, async or not). Return False if it did not come true in time."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        met = condition()
        if inspect.isawaitable(met):
            met = await met
        if met:
            return True
        if time.monotonic() > deadline_s:
            return False
        await asyncio.sleep(interval_s)
