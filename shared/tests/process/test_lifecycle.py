"""The life of a process: told to stop it drains, a loop that dies takes the others with it."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest

from gridcare.errors import Retryable
from gridcare.process.lifecycle import Lifecycle, repeat, run_together

PROGRAM = """
import asyncio, sys
from gridcare.errors import SettingsError
from gridcare.process.lifecycle import run

async def drains(lifecycle):
    print("up", flush=True)
    await lifecycle.stopping.wait()
    await asyncio.sleep(0.1)
    print("drained", flush=True)

async def dies(lifecycle):
    raise RuntimeError("a bug")

async def hangs(lifecycle):
    lifecycle.grace_s = 0.2
    print("up", flush=True)
    await asyncio.sleep(60)

async def misconfigured(lifecycle):
    raise SettingsError("GRIDCARE_X: is not set")

async def command(arguments):
    print(arguments)
    return 7

sys.exit(run({"drains": drains, "dies": dies, "hangs": hangs, "misconfigured": misconfigured}, {"command": command}))
"""


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_sigterm_drains_and_ends_with_0():
    """What is in hand is finished before the process ends."""
    with start("drains") as process:
        assert process.stdout.readline() == "up\n"
        os.kill(process.pid, signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
    assert (out, process.returncode) == ("drained\n", 0)


def test_a_process_that_does_not_drain_is_cancelled_at_its_deadline():
    """The grace ends what would hang for ever."""
    with start("hangs") as process:
        process.stdout.readline()
        started = time.monotonic()
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(("arguments", "status"), [(["dies"], 1), (["misconfigured"], 2), (["nothing"], 2), ([], 2)])
def test_the_exit_status_says_whether_a_restart_can_help(arguments, status):
    """1 for a bug, 2 for what is called or configured wrongly."""
    with start(*arguments) as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == status
    assert err or status == 1


def test_a_command_gets_its_arguments_and_gives_its_status():
    """Operational commands run under the same image."""
    with start("command", "--dry-run") as process:
        out, _ = process.communicate(timeout=20)
    assert (out, process.returncode) == ("['--dry-run']\n", 7)


async def test_one_loop_that_dies_ends_the_others():
    """A process never goes on with half of its loops."""
    lifecycle = Lifecycle()
    ended = asyncio.Event()

    async def lives() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async def dies() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await run_together(lifecycle, lives(), dies())
    assert ended.is_set()
    assert lifecycle.stopping.is_set()


async def test_a_step_repeats_at_once_while_it_finds_work_and_waits_when_a_dependency_is_down():
    """Work, work, trouble, work: four calls, and the loop goes on."""
    lifecycle = Lifecycle()
    calls = []

    async def step() -> int:
        calls.append(time.monotonic())
        if len(calls) == 3:
            raise Retryable("away")
        if len(calls) == 4:
            lifecycle.stop()
        return 1

    await asyncio.wait_for(repeat(lifecycle, step, interval_s=0.01, name="step"), 10)
    assert len(calls) == 4
    assert calls[3] - calls[2] >= 0.5
    assert lifecycle.ready


async def test_a_bug_in_a_step_ends_the_loop():
    """Only Retryable is waited out."""

    async def step() -> int:
        raise LookupError

    with pytest.raises(LookupError):
        await repeat(Lifecycle(), step, interval_s=0.01, name="step")
