"""A pytest plugin that puts temporary folders in memory, since servers create and delete thousands of files."""

import os
import shutil
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from gridcare_local.errors import LocalStackError
from gridcare_local.servers.cache import cache_dir, file_lock
from gridcare_local.servers.forgotten import end_forgotten

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - we create our own folder in it
ROOM_MIN_BYTES: Final = 4 << 30
"""Enough for a whole stack and several servers. The 64 MiB that containers have by default are too small for any."""

PYTESTS_OWN: Final = "PYTEST_DEBUG_TEMPROOT"
KEPT_S: Final = 3600
"""How long the folders of failed and killed runs are kept."""

LOCK: Final = "lock"
LOCK_TIMEOUT_S: Final = 60.0


def pytest_configure(config: pytest.Config) -> None:
    """Make pytest use this run's folder in memory. Workers of pytest-xdist are given theirs."""
    if config.option.basetemp or PYTESTS_OWN in os.environ or not has_room():
        return
    prefix = f"gridcare-tests-{os.getuid()}-"
    with file_lock(cache_dir() / "memory.lock", timeout_s=LOCK_TIMEOUT_S):
        end_forgotten()  # first, since a server of a killed run still writes into its folder
        for folder in MEMORY.glob(f"{prefix}*"):
            erase_abandoned(folder)
        root = MEMORY / f"{prefix}{os.getpid()}"
        root.mkdir(mode=0o700, exist_ok=True)
        held = ExitStack()
        held.enter_context(file_lock(root / LOCK, timeout_s=LOCK_TIMEOUT_S))
    config.add_cleanup(held.close)
    os.environ[PYTESTS_OWN] = str(root)


def has_room(memory: Path = MEMORY) -> bool:
    """Return whether there is a file system in memory that is large enough and allows executing programs."""
    if not memory.is_dir():
        return False
    facts = os.statvfs(memory)
    return facts.f_bavail * facts.f_frsize >= ROOM_MIN_BYTES and not facts.f_flag & os.ST_NOEXEC


def erase_abandoned(folder: Path, *, kept_s: float = KEPT_S) -> None:
    """Delete the folder of a finished run. If tests failed, their folders are in it and it is kept for `kept_s`."""
    try:
        with file_lock(folder / LOCK, timeout_s=0):
            left = any(folder.glob("pytest-of-*/pytest-[0-9]*"))
            if not left or time.time() - folder.stat().st_mtime > kept_s:
                shutil.rmtree(folder, ignore_errors=True)
    except LocalStackError:
        return
