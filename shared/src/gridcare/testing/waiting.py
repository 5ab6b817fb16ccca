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
    deadline_s = time.monotonic() + timeout_s
    while True:
        met = condition()
        if inspect.isawaitable(met):
            met = await met
        if met:
            return
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {timeout_s} s: {what or inspect.getsource(condition).strip()}")
        await asyncio.sleep(POLL_INTERVAL_S)
