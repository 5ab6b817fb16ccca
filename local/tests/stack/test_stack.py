"""The parts of a stack, killed and restarted by name. PostgreSQL and one emulator stand for all parts."""

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
START_AND_DIE = """
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


def test_killed_parts_are_restarted(stack):
    """A killed part is stopped, and any handle of the stack can restart it by name at its former address."""
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
    """Restarting a running part ends its process and starts another."""
    former = stack.part("twilio").running()
    stack.restart("twilio")
    assert not former.alive()
    assert stack.part("twilio").running().pid != former.pid


def test_only_running_parts_are_killed(stack):
    """Killing a stopped or unknown part raises an error."""
    stack.kill("twilio")
    with pytest.raises(LocalStackError, match="twilio does not run"):
        stack.kill("twilio")
    with pytest.raises(LocalStackError, match="no part 'kafak'"):
        stack.kill("kafak")


def test_second_start_is_refused(stack):
    """While a process owns the stack, another process cannot start it and harms nothing."""
    code = START_AND_DIE
    second = subprocess.run(
        [sys.executable, "-c", code, str(stack.root)], capture_output=True, text=True, timeout=60, check=False
    )
    assert f"is running (process {os.getpid()})" in second.stderr
    assert states(stack) == {"postgres": "ready", "twilio": "ready"}


def test_dead_stacks_are_cleaned_up(tmp_path):
    """If a stack's owner was killed, the next start ends the remaining processes and takes the stack over."""
    root = tmp_path / "local"
    died = subprocess.run([sys.executable, "-c", START_AND_DIE, str(root)], timeout=60, check=False)
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


def test_recycled_pids_are_not_ours(stack):
    """If a recorded pid now belongs to another process, the part counts as dead and that process is left alone."""
    stack.kill("twilio")
    me = ProcessRef.of(os.getpid())
    (stack.root / "run" / "twilio.json").write_text(json.dumps({"pid": me.pid, "started": me.started - 50}))
    assert stack.part("twilio").running() is None
    stack.restart("twilio")
    assert me.alive()


async def test_own_servers_are_used(tmp_path, monkeypatch):
    """If the environment names the user's own servers, none is started, and each service has its database there."""
    own = await asyncio.to_thread(start_postgres, tmp_path / "own", durable=False)
    monkeypatch.setenv("GRIDCARE_POSTGRES_URL", own.admin_url)
    monkeypatch.setenv("GRIDCARE_KAFKA_BOOTSTRAP", "kafka.example:9092")
    async with running_stack(tmp_path / "local", StartOptions(names=("postgres", "kafka", "twilio"))) as stack:
        assert [part.name for part in stack.parts() if part.running()] == ["twilio"]
        assert stack.settings.addresses["kafka"] == "kafka.example:9092"
        connection = await asyncpg.connect(stack.settings.addresses["billing_gateway"])
        assert (
            await connection.fetchval("SELECT current_user || inet_server_port()") == f"billing_gateway_app{own.port}"
        )
        await connection.close()
    own.stop()


async def test_two_clones_at_once(stack, tmp_path):
    """A second stack in another folder shares no port or process with the first, and can be erased."""
    async with running_stack(tmp_path / "other", FEW) as other:
        assert not set(other.settings.ports.values()) & set(stack.settings.ports.values())
        assert states(other) == {"postgres": "ready", "twilio": "ready"}
    assert states(stack) == {"postgres": "ready", "twilio": "ready"}
    erase_stack(tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_failed_start_leaves_nothing_running(tmp_path):
    """If a part cannot start, the error names it and all other parts are stopped."""
    stack = Stack(tmp_path / "local")
    (stack.root / "emulators").mkdir()
    (stack.root / "emulators" / "twilio").write_text("a file where its folder should be")
    with pytest.raises(LocalStackError, match="twilio ended while it started"):
        stack.start(FEW)
    assert states(stack) == {"postgres": "stopped", "twilio": "stopped"}


@pytest.mark.parametrize(
    "make", [lambda folder: folder, lambda folder: (folder / "settings.json").touch() or (folder / ".git").mkdir()]
)
def test_only_stacks_are_erased(tmp_path, make):
    """A folder without a stack's settings, or a clone, is not erased by mistake."""
    make(tmp_path)
    (tmp_path / "precious").touch()
    with pytest.raises(LocalStackError):
        erase_stack(tmp_path)
    assert (tmp_path / "precious").exists()
