"""Locks between processes."""

import signal
import subprocess
import sys

import pytest

from gridcare_local.errors import LocalStackError
from gridcare_local.servers.cache import file_lock

HOLDER = """
import signal, sys
from pathlib import Path
from gridcare_local.servers.cache import file_lock
with file_lock(Path(sys.argv[1]), timeout_s=5):
    print("held", flush=True)
    signal.pause()
"""


@pytest.fixture
def lock(tmp_path):
    return tmp_path / "folder" / "lock"


def test_second_holder_is_refused(lock):
    """A second holder gets an error after its timeout, even in the same process."""
    with file_lock(lock, timeout_s=5), pytest.raises(LocalStackError, match="locked by another"):
        file_lock(lock, timeout_s=0.1).__enter__()


def test_killed_holders_release_locks(lock):
    """A lock is free at once after its holder was killed."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, lock], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LocalStackError):
            file_lock(lock, timeout_s=0.1).__enter__()
        holder.send_signal(signal.SIGKILL)
    with file_lock(lock, timeout_s=5):
        assert lock.exists()
