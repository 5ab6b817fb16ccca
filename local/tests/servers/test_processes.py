"""Processes, ports and the clock of the local stack."""

import os
import signal
import socket
import sys
from datetime import datetime

import pytest

from gridcare_local.servers.ports import FIRST_PORT, LAST_PORT, claim_ports, is_free
from gridcare_local.servers.processes import ProcessRef, spawn, tail
from gridcare_local.stack.settings import CAN_THO, StackSettings, clock_offset_s

NOON_IN_CAN_THO_S = datetime(2026, 11, 23, 12, 0, tzinfo=CAN_THO).timestamp()
HOUR_S = 3600
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)


def test_stop_ends_a_process(tmp_path):
    """A process that obeys SIGTERM is dead after `stop`."""
    started = spawn([sys.executable, "-c", "import time; time.sleep(60)"], log=tmp_path / "log")
    assert started.alive()
    started.stop(grace_s=5)
    assert not started.alive()


def test_stop_kills_after_the_grace(tmp_path):
    """A process that ignores SIGTERM is killed after its grace."""
    started = spawn([sys.executable, "-c", STUBBORN], log=tmp_path / "log")
    while "deaf" not in tail(tmp_path / "log"):
        assert started.alive()
    started.stop(grace_s=0.1)
    assert not started.alive()


def test_recycled_pid_is_not_ours():
    """A process with the same pid but another start time is not taken for ours and gets no signal."""
    stranger = ProcessRef.of(os.getpid())
    recycled = ProcessRef(stranger.pid, stranger.started - 100)
    assert stranger.alive()
    assert not recycled.alive()
    assert not recycled.send(signal.SIGKILL)


def test_log_holds_both_streams(tmp_path):
    """A process's log contains both its stdout and its stderr."""
    code = "import sys; print('out'); print('err', file=sys.stderr)"
    started = spawn([sys.executable, "-c", code], log=tmp_path / "log")
    assert started.wait_gone(10)
    assert {"out", "err"} == set(tail(tmp_path / "log").split())


def test_ignored_signals_are_not_inherited(tmp_path):
    """A started process obeys SIGINT even if a shell started us in the background with SIGINT ignored."""
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
        started = spawn([sys.executable, "-c", code], log=tmp_path / "log")
    finally:
        signal.signal(signal.SIGINT, former)
    assert started.wait_gone(10)
    assert tail(tmp_path / "log") == "True"


def test_ports_are_not_given_twice(tmp_path):
    """Ports that an existing folder has claimed are not given to another, even if nobody listens on them yet."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    mine, other = claim_ports(tmp_path / "a", 50), claim_ports(tmp_path / "b", 50)
    assert not set(mine) & set(other)
    assert all(FIRST_PORT <= port <= LAST_PORT for port in mine + other)


def test_taken_port_is_not_free():
    """A port on which a program listens is not free."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        assert not is_free(listening.getsockname()[1])


@pytest.mark.parametrize(("hour", "offset_h"), [("10:00", -2), ("12:00", 0), ("23:30", 11.5)])
def test_clock_shows_the_hour(hour, offset_h):
    """At the first start, the clock shows the chosen hour of the same day in Can Tho."""
    assert clock_offset_s(hour, NOON_IN_CAN_THO_S, None) == offset_h * HOUR_S


def test_clock_never_goes_back():
    """At a later start, the clock shows the chosen hour of the next day if today's is over in the stack's own time."""
    former = clock_offset_s("10:00", NOON_IN_CAN_THO_S, None)
    assert clock_offset_s("10:00", NOON_IN_CAN_THO_S + HOUR_S, former) == (24 - 2 - 1) * HOUR_S


def test_secrets_are_made_once(tmp_path):
    """A stack's secrets and ports stay the same at its next start, and only their owner can read them."""
    first = StackSettings.load(tmp_path)
    first.claim_missing_ports(["oidc"])
    again = StackSettings.load(tmp_path)
    assert (again.secrets, again.ports) == (first.secrets, first.ports)
    assert (tmp_path / "settings.json").stat().st_mode & 0o077 == 0
