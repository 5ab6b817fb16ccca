"""The current state of a stack's parts."""

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
    """The state of a part: its process and running time if it runs, and the addresses to look at.

    `health` is the base address of `/livez`, `/readyz` and `/metrics`, or an empty string.
    """

    name: str
    state: State
    pid: int | None
    running_s: float
    url: str
    health: str
    log: Path


def look(stack: Stack) -> list[PartStatus]:
    """Return the state of every part, in the order of starting. All are checked at the same time."""
    parts = stack.parts()
    by_name: dict[str, PartStatus] = {}

    def check(part: Part) -> None:
        by_name[part.name] = _status(part, part.running())

    together(check, parts)
    return [by_name[part.name] for part in parts]


def _status(part: Part, running: ProcessRef | None) -> PartStatus:
    if running is None:
        return PartStatus(part.name, "stopped", None, 0.0, part.url, part.health, part.log)
    state: State = "ready" if part.ready() else "not ready"
    return PartStatus(part.name, state, running.pid, time.time() - running.started, part.url, part.health, part.log)
