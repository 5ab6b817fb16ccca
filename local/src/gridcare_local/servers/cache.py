"""What is kept per user, for every clone of this repository: downloads and claims of ports."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gridcare_local.errors import LocalStackError

LOCK_POLL_S = 0.05


def cache_dir() -> Path:
    """Return the user's cache of Gridcare, made if missing: $XDG_CACHE_HOME/gridcare or ~/.cache/gridcare."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    # the XDG base directory specification: a relative path is to be ignored
    base = Path(configured) if Path(configured).is_absolute() else Path.home() / ".cache"
    path = base / "gridcare"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def file_lock(path: Path, *, timeout_s: float) -> Iterator[None]:
    """Hold an exclusive lock on `path` among processes; it is free again however its holder dies.

    Raises LocalStackError when another process holds it for longer than `timeout_s`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout_s
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LocalStackError(
                        f"{path} is locked by another process for more than {timeout_s:.0f} s"
                    ) from None
                time.sleep(LOCK_POLL_S)
        yield


def write_atomically(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace `path` whole, so that a reader or a crash never sees half of it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    partial.replace(path)
