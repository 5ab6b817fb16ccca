"""What a stack's parts do right now."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gridcare_local.servers.processes import ProcessRef
from gridcare_local.stack.parts import Part
from gridcare_local.stack.stack import Stack
from gridcare_local.stack.together import together

State = Literal["ready", "not ready", "stopped"]


@dataclass(frozen=True)
class PartStatus:
    """One part: its process when it runs, for how many seconds, and where to look at it.

    `health` is the base address of `/livez`, `/readyz` and `/metrics`; empty when there is none.
    """

    name: str
    state: State
    pid: int | None
    running_s: float
    url: str
    health: str
    log: Path


def look(stack: Stack) -> list[PartStatus]:
    """Look at every part, all at once, in the order of starting."""
    parts = stack.parts()
    found: dict[str, PartStatus] = {}

    def one(part: Part) -> None:
        found[part.name] = _status(part, part.running())

    together(one, parts)
    return [found[part.name] for part in parts]


def _status(part: Part, running: ProcessRef | None) -> PartStatus:
    if running is None:
        return PartStatus(part.name, "stopped", None, 0.0, part.url, part.health, part.log)
    state: State = "ready" if part.ready() else "not ready"
    return PartStatus(part.name, state, running.pid, time.time() - running.started, part.url, part.health, part.log)
