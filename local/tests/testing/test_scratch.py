"""The folder of a test run, and the cleaning up after finished runs."""

import subprocess
import sys

import pytest

from gridcare_local.servers.cache import file_lock
from gridcare_local.stack.stack import Stack
from gridcare_local.testing.scratch import clear, has_room

STARTED_AND_KILLED = """
import os, signal, sys
from pathlib import Path
from gridcare_local.stack.stack import Stack, StartOptions
Stack(Path(sys.argv[1])).start(StartOptions(names=("twilio",)))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def abandoned(tmp_path):
    """Return the folder of a finished run."""
    folder = tmp_path / "gridcare-tests-0-1"
    (folder / "pytest-of-root").mkdir(parents=True)
    return folder


def test_empty_folder_is_erased(abandoned):
    """The folder of a run without failures is deleted."""
    clear(abandoned)
    assert not abandoned.exists()


@pytest.mark.parametrize(("kept_s", "stays"), [(3600, True), (0, False)])
def test_failures_stay_for_a_while(abandoned, kept_s, stays):
    """The folders of failed tests are kept for a while and then deleted."""
    (abandoned / "pytest-of-root" / "pytest-0").mkdir()
    clear(abandoned, kept_s=kept_s)
    assert abandoned.exists() == stays


def test_living_run_keeps_its_folder(abandoned):
    """The folder of a running test run is not deleted."""
    with file_lock(abandoned / "lock", timeout_s=0):
        clear(abandoned, kept_s=0)
    assert abandoned.exists()


@pytest.mark.server
def test_stacks_of_killed_runs_end(abandoned):
    """The processes of a stack that a killed run left are ended, even if its folder is kept."""
    root = abandoned / "pytest-of-root" / "pytest-0" / "stack0"
    subprocess.run([sys.executable, "-c", STARTED_AND_KILLED, str(root)], timeout=60, check=False)
    left = Stack(root).part("twilio").running()
    assert left is not None
    clear(abandoned)
    assert not left.alive()


def test_missing_memory_has_no_room(tmp_path):
    """Without a file system in memory, the folders are where pytest puts them."""
    assert not has_room(tmp_path / "shm")
