"""A stack's parts, killed and started again by name. PostgreSQL and one emulator stand for all: each part is handled alike."""

import asyncio
import json
import os
import signal
import subprocess
import sys

import asyncpg
import pytest

from gridcare_local.errors import LocalStackError
from gridcare_local.servers.postgres.server import start_postgres
from gridcare_local.servers.processes import ProcessRef
from gridcare_local.stack.stack import Stack, StartOptions, erase_stack, running_stack
from gridcare_local.stack.status import look

pytestmark = pytest.mark.server

FEW = StartOptions(names=("postgres", "twilio"))
DIE_WITHOUT_A_WORD = """
import os, signal, sys
from pathlib import Path
from gridcare_local.stack.stack import Stack, StartOptions
Stack(Path(sys.argv[1])).start(StartOptions(names=("postgres", "twilio")))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def stack(tmp_path):
    started = Stack(tmp_path / "local")
    started.start(FEW)
    yield started
    started.stop()


def states(stack):
    return {status.name: status.state for status in look(stack) if status.name in FEW.names}


def test_killed_parts_are_started_again(stack):
    """A killed part is seen as stopped, and restarted by name it is ready at the address it had; any handle may do it."""
    before = dict(stack.settings.addresses), stack.part("twilio").url
    for name in FEW.names:
        stack.kill(name)
    assert states(stack) == {"postgres": "stopped", "twilio": "stopped"}
    elsewhere = Stack(stack.root)
    for name in FEW.names:
        elsewhere.restart(name)
    assert states(stack) == {"postgres": "ready", "twilio": "ready"}
    assert (elsewhere.settings.addresses, elsewhere.part("twilio").url) == before


def test_restart_replaces_a_living_part(stack):
    """Restarting a part that runs ends its process and starts another."""
    former = stack.part("twilio").running()
    stack.restart("twilio")
    assert not former.alive()
    assert stack.part("twilio").running().pid != former.pid


def test_kill_of_the_dead_is_refused(stack):
    """Killing what does not run, or what there is not, is an error that says so."""
    stack.kill("twilio")
    with pytest.raises(LocalStackError, match="twilio does not run"):
        stack.kill("twilio")
    with pytest.raises(LocalStackError, match="no part 'kafak'"):
        stack.kill("kafak")


def test_second_start_is_refused(stack):
    """While a process holds the stack up, another one's start is refused and harms nothing."""
    code = DIE_WITHOUT_A_WORD
    second = subprocess.run(
        [sys.executable, "-c", code, str(stack.root)], capture_output=True, text=True, timeout=60, check=False
    )
    assert f"is running (process {os.getpid()})" in second.stderr
    assert states(stack) == {"postgres": "ready", "twilio": "ready"}


def test_leftovers_of_a_killed_stack_are_cleaned(tmp_path):
    """A stack whose holder was killed is taken over at the next start: its processes end, its data and ports stay."""
    root = tmp_path / "local"
    died = subprocess.run([sys.executable, "-c", DIE_WITHOUT_A_WORD, str(root)], timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL
    left = Stack(root)
    leftovers = [left.part(name).running() for name in FEW.names]
    assert all(leftovers)
    assert left.owner() is None
    left.start(FEW)
    assert not any(leftover.alive() for leftover in leftovers)
    assert states(left) == {"postgres": "ready", "twilio": "ready"}
    left.stop()
    assert states(left) == {"postgres": "stopped", "twilio": "stopped"}


def test_record_of_a_stranger_is_not_ours(stack):
    """A record whose pid now belongs to another process is taken for a dead part; the stranger is left alone."""
    stack.kill("twilio")
    me = ProcessRef.of(os.getpid())
    (stack.root / "run" / "twilio.json").write_text(json.dumps({"pid": me.pid, "started": me.started - 50}))
    assert stack.part("twilio").running() is None
    stack.restart("twilio")
    assert me.alive()


async def test_own_servers_are_used(tmp_path, monkeypatch):
    """With one's own servers named by the environment, none is started, and each service has its database there."""
    own = await asyncio.to_thread(start_postgres, tmp_path / "own", durable=False)
    monkeypatch.setenv("GRIDCARE_POSTGRES_URL", own.admin_url)
    monkeypatch.setenv("GRIDCARE_KAFKA_BOOTSTRAP", "kafka.example:9092")
    async with running_stack(tmp_path / "local", StartOptions(names=("postgres", "kafka", "twilio"))) as stack:
        assert [part.name for part in stack.parts() if part.running()] == ["twilio"]
        assert stack.settings.addresses["kafka"] == "kafka.example:9092"
        connection = await asyncpg.connect(stack.settings.addresses["billing_gateway"])
        assert await connection.fetchval("SELECT current_user || inet_server_port()") == f"billing_gateway{own.port}"
        await connection.close()
    own.stop()


async def test_two_clones_at_once(stack, tmp_path):
    """A second stack in another folder shares no port and no process with the first, and goes without a trace."""
    async with running_stack(tmp_path / "other", FEW) as other:
        assert not set(other.settings.ports.values()) & set(stack.settings.ports.values())
        assert states(other) == {"postgres": "ready", "twilio": "ready"}
    assert states(stack) == {"postgres": "ready", "twilio": "ready"}
    erase_stack(tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_failed_start_leaves_nothing_running(tmp_path):
    """A part that cannot start is named with its log's end, and what had started is stopped."""
    stack = Stack(tmp_path / "local")
    (stack.root / "emulators").mkdir()
    (stack.root / "emulators" / "twilio").write_text("a file where its folder should be")
    with pytest.raises(LocalStackError, match="twilio ended while it started"):
        stack.start(FEW)
    assert states(stack) == {"postgres": "stopped", "twilio": "stopped"}


@pytest.mark.parametrize(
    "make", [lambda folder: folder, lambda folder: (folder / "settings.json").touch() or (folder / ".git").mkdir()]
)
def test_a_folder_that_is_no_stacks_is_not_erased(tmp_path, make):
    """Neither an empty path's working directory nor a clone: what a mistaken caller names stays."""
    make(tmp_path)
    (tmp_path / "precious").touch()
    with pytest.raises(LocalStackError):
        erase_stack(tmp_path)
    assert (tmp_path / "precious").exists()
