"""Loops that share a look: one statement says which of them have work, so that a process that has none hardly asks."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial

from gridcare.process.lifecycle import Lifecycle, repeat_with, run_together
from gridcare.process.pace import Pace


@dataclass(frozen=True, slots=True)
class Found:
    """What a look found: the loops that have work by their names, and whether something is `under_way` that may make more."""

    due: Collection[str]
    under_way: bool = False


Look = Callable[[], Awaitable[Found]]


async def repeat_due(
    lifecycle: Lifecycle,
    look: Look,
    steps: Mapping[str, Callable[[], Awaitable[int]]],
    *,
    pace: Pace,
    wake: asyncio.Event | None = None,
) -> None:
    """Call each of the steps as long as it has work and whenever `look` says so, until told to stop.

    A look comes after the pause of `pace`, or at once when `wake` is set: then more work is expected, too. Steps run
    beside one another: none waits for another's end. A step or a look that raises Retryable is tried again after longer and
    longer pauses; any other error ends all.
    """
    told = {name: asyncio.Event() for name in steps}

    async def find() -> int:
        found = await look()
        if found.due or found.under_way:
            pace.worked()
        for name in found.due:
            told[name].set()
        return 0

    await run_together(
        lifecycle,
        repeat_with(lifecycle, find, rest=partial(_until_look, lifecycle, pace, wake), name="look"),
        *(
            repeat_with(lifecycle, step, rest=partial(_until_told, lifecycle, told[name]), name=name)
            for name, step in steps.items()
        ),
    )


async def _until_look(lifecycle: Lifecycle, pace: Pace, wake: asyncio.Event | None) -> None:
    if wake is None:
        await lifecycle.pause(pace.pause_s())
        return
    try:
        async with asyncio.timeout(pace.pause_s()):
            await lifecycle.unless_stopped(wake.wait())
    except TimeoutError:
        return
    wake.clear()
    pace.worked()


async def _until_told(lifecycle: Lifecycle, told: asyncio.Event) -> None:
    await lifecycle.unless_stopped(told.wait())
    told.clear()
