"""A pytest plugin that puts temporary folders in memory, since servers create and delete thousands of files.

It also cleans up after killed and interrupted runs, at their end or at the start of the next run: it ends the processes
that they started and deletes their folders.
"""

import os
import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from gridcare_local.errors import LocalStackError
from gridcare_local.servers.cache import cache_dir, file_lock
from gridcare_local.servers.forgotten import end_forgotten
from gridcare_local.stack.settings import SETTINGS_FILE
from gridcare_local.stack.stack import Stack

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - we create our own folder in it
ROOM_MIN_BYTES: Final = 4 << 30
"""Enough for a whole stack and several servers. The 64 MiB that containers have by default are too small for any."""

PYTESTS_OWN: Final = "PYTEST_DEBUG_TEMPROOT"
KEPT_S: Final = 3600
"""How long the folders of failed runs are kept."""

LOCK: Final = "lock"
LOCK_TIMEOUT_S: Final = 60.0


def pytest_configure(config: pytest.Config) -> None:
    """Make pytest use a folder of this run's own. Workers of pytest-xdist are given theirs."""
    if config.option.basetemp or PYTESTS_OWN in os.environ:
        return
    home = MEMORY if has_room(MEMORY) else Path(tempfile.gettempdir())
    prefix = f"gridcare-tests-{os.getuid()}-"
    with file_lock(cache_dir() / "tests.lock", timeout_s=LOCK_TIMEOUT_S):
        for folder in home.glob(f"{prefix}*"):
            clear(folder)
        root = home / f"{prefix}{os.getpid()}"
        root.mkdir(mode=0o700, exist_ok=True)
        held = ExitStack()
        held.enter_context(file_lock(root / LOCK, timeout_s=LOCK_TIMEOUT_S))
    os.environ[PYTESTS_OWN] = str(root)
    config.add_cleanup(lambda: clear(root))
    config.add_cleanup(held.close)


def has_room(memory: Path) -> bool:
    """Return whether there is a file system in memory that is large enough and allows executing programs."""
    if not memory.is_dir():
        return False
    facts = os.statvfs(memory)
    return facts.f_bavail * facts.f_frsize >= ROOM_MIN_BYTES and not facts.f_flag & os.ST_NOEXEC


def clear(folder: Path, *, kept_s: float = KEPT_S) -> None:
    """End the processes that a finished run left, and delete its folder unless it has failures of the last hour.

    The folder of a run that is still going on is left alone.
    """
    try:
        with file_lock(folder / LOCK, timeout_s=0):
            end_forgotten()
            for settings in folder.rglob(SETTINGS_FILE):
                Stack(settings.parent).stop()
            left = any(folder.glob("pytest-of-*/pytest-[0-9]*"))
            if not left or time.time() - folder.stat().st_mtime > kept_s:
                shutil.rmtree(folder, ignore_errors=True)
    except LocalStackError:
        return
