"""Starts detached processes and identifies them by pid and start time, so that a recycled pid is not taken for ours."""

import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

POLL_S = 0.02
KILL_TIMEOUT_S = 10.0
START_TOLERANCE_S = 0.02  # the kernel counts a process's start in ticks of 10 ms


@dataclass(frozen=True)
class ProcessRef:
    """A process of ours. `started` (seconds since the epoch) distinguishes it from a later one with the same pid."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "ProcessRef | None":
        """Return the process that has this pid now, or None."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    def process(self) -> psutil.Process | None:
        """Return its psutil handle, or None if it is dead or a zombie."""
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started) > START_TOLERANCE_S:
                return None
            return None if _is_zombie(process) else process
        except psutil.NoSuchProcess:
            return None

    def alive(self) -> bool:
        """Return whether it still runs. This also reaps it if it is a dead child of this process."""
        if self.process() is not None:
            return True
        _reap(self.pid)
        return False

    def send(self, number: int) -> bool:
        """Send a signal. Return False if it is dead already."""
        process = self.process()
        if process is None:
            return False
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            return False
        return True

    def wait_gone(self, timeout_s: float) -> bool:
        """Wait until it is dead. Return False if it is still alive after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        return True

    def stop(self, *, grace_s: float, first: int = signal.SIGTERM) -> None:
        """Send it the signal `first`, and kill it if it still runs after `grace_s`."""
        if self.send(first) and self.wait_gone(grace_s):
            return
        self.kill()

    def kill(self) -> None:
        """Kill it with SIGKILL and wait until it is gone."""
        if self.send(signal.SIGKILL):
            self.wait_gone(KILL_TIMEOUT_S)


def spawn(command: Sequence[str | Path], *, log: Path, environment: Mapping[str, str] | None = None) -> ProcessRef:
    """Start a process in its own session that outlives this one. Its output is appended to `log`.

    Raises OSError if the program cannot be executed.
    """
    # not subprocess: a Popen object warns if it is deleted while its process runs, as ours should
    words = [str(word) for word in command]
    pid = os.posix_spawn(
        words[0],
        words,
        dict(os.environ if environment is None else environment),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=[],
        # ignored signals are inherited, a shell without job control starts background jobs with them, and a JVM then
        # ignores them for ever
        setsigdef=[signal.SIGINT, signal.SIGQUIT, signal.SIGHUP],
    )
    return ProcessRef.of(pid) or ProcessRef(pid, 0.0)


def tail(log: Path, *, lines_max: int = 15) -> str:
    """Return the last lines of a log for an error's message, or an empty string if there is no log."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8_192))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines_max:])
    except FileNotFoundError:
        return ""


def _is_zombie(process: psutil.Process) -> bool:
    """Return whether all of it is a zombie. While threads of a killed JVM still end, its ports and files are in use."""
    return bool(process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1)


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
