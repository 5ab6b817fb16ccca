"""A process dies or stalls at a named moment when a setting says so, and only with a broker on its own machine."""

import signal
import subprocess
import sys

import psutil
import pytest

from gridcare.errors import SettingsError
from gridcare.process.settings import TopicsSettings, load

GOOD = {
    "GRIDCARE_DATABASE_URL": "postgresql://u:p@127.0.0.1/x",
    "GRIDCARE_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
}
PROGRAM = """
import sys
from gridcare.process import crash_points
if sys.argv[1:]:
    crash_points.arm(sys.argv[1])
for number in range(3):
    crash_points.reach("relay.read")
    crash_points.reach("relay.deleted")
    print(number, flush=True)
"""


def _load(monkeypatch, **changes: str) -> TopicsSettings:
    for name, value in {**GOOD, **changes}.items():
        monkeypatch.setenv(name, value)
    return load(TopicsSettings)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own program


@pytest.mark.parametrize(
    ("arguments", "status", "lines"),
    [((), 0, 3), (("relay.read",), -signal.SIGKILL, 0), (("relay.deleted:3",), -signal.SIGKILL, 2)],
)
def test_processes_die_at_moments(arguments, status, lines):
    """An armed process is killed at the n-th time of its moment, any other runs to its end."""
    done = _run(*arguments)
    assert (done.returncode, len(done.stdout.splitlines())) == (status, lines), done.stderr


def test_processes_stall_at_moments():
    """A process that is to stop there is stopped, and goes on when it is continued."""
    command = [sys.executable, "-c", PROGRAM, "relay.read:2:stop"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own program
        stopped = psutil.Process(process.pid)
        while stopped.status() != psutil.STATUS_STOPPED:
            assert process.poll() is None
        process.send_signal(signal.SIGCONT)
        shown, _ = process.communicate(timeout=60)
    assert shown.split() == [b"0", b"1", b"2"]


@pytest.mark.parametrize("text", ["nowhere", "relay.read:0", "relay.read:1:maybe", ""])
def test_unknown_moments_are_refused(monkeypatch, text):
    """A misspelt moment is a wrong setting, not a fault that never comes."""
    with pytest.raises(SettingsError):
        _load(monkeypatch, GRIDCARE_CRASH_AT=text)


@pytest.mark.parametrize("bootstrap", ["kafka:9092", "127.0.0.1:9092,kafka:9092", "127.0.0.10:9092"])
def test_clusters_refuse_crashes(monkeypatch, bootstrap):
    """With a broker anywhere but on this machine, the setting prevents the start."""
    assert _load(monkeypatch, GRIDCARE_CRASH_AT="relay.read:2").crash_at == "relay.read:2"
    with pytest.raises(SettingsError, match="GRIDCARE_CRASH_AT"):
        _load(
            monkeypatch,
            GRIDCARE_CRASH_AT="relay.read:2",
            GRIDCARE_KAFKA_BOOTSTRAP=bootstrap,
            GRIDCARE_ALLOW_PLAINTEXT="true",
        )
