"""A pytest plugin: the temporary folders of a run lie in memory, for servers make and drop files by the thousand."""

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

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
ROOM_MIN_BYTES: Final = 4 << 30
"""A whole stack and several servers; a container's default of 64 MiB, for one, has no room for any."""

PYTESTS_OWN: Final = "PYTEST_DEBUG_TEMPROOT"
KEPT_S: Final = 3600
"""How long the folders of a failed run can be looked at, and those of a killed one take up memory."""

LOCK: Final = "lock"
LOCK_TIMEOUT_S: Final = 60.0


def pytest_configure(config: pytest.Config) -> None:
    """Let pytest put its folders into one of this run's own; a worker of pytest-xdist is given its folder."""
    if config.option.basetemp or PYTESTS_OWN in os.environ or not has_room():
        return
    prefix = f"gridcare-tests-{os.getuid()}-"
    with file_lock(cache_dir() / "memory.lock", timeout_s=LOCK_TIMEOUT_S):
        end_forgotten()  # first, for a server of a killed run writes into its folder
        for folder in MEMORY.glob(f"{prefix}*"):
            erase_abandoned(folder)
        root = MEMORY / f"{prefix}{os.getpid()}"
        root.mkdir(mode=0o700, exist_ok=True)
        held = ExitStack()
        held.enter_context(file_lock(root / LOCK, timeout_s=LOCK_TIMEOUT_S))
    config.add_cleanup(held.close)
    os.environ[PYTESTS_OWN] = str(root)


def has_room(memory: Path = MEMORY) -> bool:
    """Whether there is a file system in memory that is large enough and lets programs be executed."""
    if not memory.is_dir():
        return False
    of = os.statvfs(memory)
    return of.f_bavail * of.f_frsize >= ROOM_MIN_BYTES and not of.f_flag & os.ST_NOEXEC


def erase_abandoned(folder: Path, *, kept_s: float = KEPT_S) -> None:
    """Erase the folder of a run that is over, unless something of the last hour is left in it: some test failed."""
    try:
        with file_lock(folder / LOCK, timeout_s=0):
            left = any(folder.glob("pytest-of-*/pytest-[0-9]*"))
            if not left or time.time() - folder.stat().st_mtime > kept_s:
                shutil.rmtree(folder, ignore_errors=True)
    except LocalStackError:
        return
