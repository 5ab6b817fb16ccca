"""The file server.json in a server's data folder: ports, passwords and the process."""

import json
from pathlib import Path

from gridcare_local.servers.cache import write_atomically

Fact = str | int | float


def recall(data_dir: Path) -> dict[str, Fact]:
    """Return the stored facts, or an empty dict if the folder is new."""
    try:
        facts: dict[str, Fact] = json.loads((data_dir / "server.json").read_text())
    except FileNotFoundError:
        return {}
    return facts


def remember(data_dir: Path, **facts: Fact) -> None:
    """Store facts, replacing those of the same name."""
    write_atomically(data_dir / "server.json", json.dumps(recall(data_dir) | facts, indent=1))


def recall_or(data_dir: Path, name: str, fresh: str) -> str:
    """Return the stored fact, or store `fresh` and return it if there is none yet."""
    known = recall(data_dir).get(name)
    if known is None:
        remember(data_dir, **{name: fresh})
        return fresh
    return str(known)
