"""Loops that share a look: each runs when the look says so, and a process that has nothing to do looks seldom."""

import asyncio

import pytest

from gridcare.errors import Retryable
from gridcare.process.due import Found, repeat_due
from gridcare.process.lifecycle import Lifecycle
from gridcare.process.pace import Pace
from gridcare.testing.waiting import eventually


class Desk:
    """Two kinds of work; counts the looks and the calls."""

    def __init__(self) -> None:
        self.lifecycle = Lifecycle()
        self.waiting = {"letters": 0, "parcels": 0}
        self.calls = {"letters": 0, "parcels": 0}
        self.looks = 0
        self.under_way = False

    async def look(self) -> Found:
        self.looks += 1
        return Found([kind for kind, count in self.waiting.items() if count], under_way=self.under_way)

    async def letters(self) -> int:
        return self._take("letters")

    async def parcels(self) -> int:
        return self._take("parcels")

    def _take(self, kind: str) -> int:
        self.calls[kind] += 1
        taken = min(self.waiting[kind], 1)
        self.waiting[kind] -= taken
        return taken

    def run(self, pace: Pace, wake: asyncio.Event | None = None) -> "asyncio.Task[None]":
        steps = {"letters": self.letters, "parcels": self.parcels}
        return asyncio.create_task(repeat_due(self.lifecycle, self.look, steps, pace=pace, wake=wake))

    async def stop(self, running: "asyncio.Task[None]") -> None:
        self.lifecycle.stop()
        await asyncio.wait_for(running, 5)


async def test_only_due_steps_run():
    """What is found due is worked on to its end; the other kind is left alone after its first call."""
    desk = Desk()
    running = desk.run(Pace(prompt_s=0.01, idle_s=0.01))
    await eventually(lambda: desk.looks > 2)
    desk.waiting["letters"] = 3
    await eventually(lambda: desk.waiting["letters"] == 0)
    await eventually(lambda: desk.calls["letters"] >= 5)
    await desk.stop(running)
    assert desk.calls["parcels"] == 1
    assert desk.lifecycle.ready


async def test_idle_process_looks_seldom():
    """Once there was nothing for a while, the pause is the long one."""
    desk = Desk()
    running = desk.run(Pace(prompt_s=0.01, idle_s=60, idle_after_s=0.05))
    await asyncio.sleep(0.3)
    looks = desk.looks
    await asyncio.sleep(0.3)
    assert desk.looks == looks
    await desk.stop(running)


async def test_wake_brings_a_look():
    """A process that rests is woken, and looks promptly for a while."""
    desk, wake = Desk(), asyncio.Event()
    running = desk.run(Pace(prompt_s=0.01, idle_s=60, idle_after_s=0.05), wake)
    await asyncio.sleep(0.3)
    looks = desk.looks
    desk.waiting["parcels"] = 1
    wake.set()
    await eventually(lambda: desk.waiting["parcels"] == 0, timeout_s=5)
    await eventually(lambda: desk.looks > looks + 1, timeout_s=5)
    await desk.stop(running)


async def test_work_under_way_is_watched():
    """While something is under way the pause stays short, though nothing is due."""
    desk = Desk()
    desk.under_way = True
    running = desk.run(Pace(prompt_s=0.01, idle_s=60, idle_after_s=0.05))
    await asyncio.sleep(0.3)
    looks = desk.looks
    await eventually(lambda: desk.looks > looks + 5, timeout_s=5)
    await desk.stop(running)


async def test_bug_ends_all_steps():
    """A step that raises ends the look and the other steps, and so the process."""
    desk = Desk()

    async def broken() -> int:
        raise LookupError

    with pytest.raises(LookupError):
        await asyncio.wait_for(repeat_due(desk.lifecycle, desk.look, {"broken": broken}, pace=Pace()), 5)


async def test_passing_trouble_is_waited_out():
    """A look that raises Retryable is made again, and the steps go on."""
    desk = Desk()
    failures = iter([True, False])

    async def look() -> Found:
        if next(failures, False):
            raise Retryable("away")
        return await desk.look()

    running = asyncio.create_task(repeat_due(desk.lifecycle, look, {"letters": desk.letters}, pace=Pace(prompt_s=0.01)))
    await eventually(lambda: desk.looks > 0)
    await desk.stop(running)
