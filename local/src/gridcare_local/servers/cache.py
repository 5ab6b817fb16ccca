"""The user's cache for all clones of this repository (downloads, claimed ports), and safe access to shared files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from gridcare_local.errors import LocalStackError

LOCK_POLL_S = 0.05


def cache_dir() -> Path:
    """Return the user's cache folder, created if missing: $XDG_CACHE_HOME/gridcare or ~/.cache/gridcare."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    # the XDG base directory specification says to ignore a relative path
    base = Path(configured) if Path(configured).is_absolute() else Path.home() / ".cache"
    path = base / "gridcare"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def file_lock(path: Path, *, timeout_s: float) -> Iterator[None]:
    """Hold an exclusive lock on `path` among processes and threads. The kernel frees it if its holder dies.

    Raises LocalStackError if another holder keeps it for longer than `timeout_s`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, fallback_to_soft=False)  # a mere lock file would outlive a killed holder
    try:
        lock.acquire(timeout=timeout_s, poll_interval=LOCK_POLL_S)
    except Timeout:
        raise LocalStackError(f"{path} has been locked by another process for more than {timeout_s:.0f} s") from None
    try:
        yield
    finally:
        lock.release()


def write_atomically(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace `path` atomically, so that no reader or crash leaves or sees half of it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    partial.replace(path)
