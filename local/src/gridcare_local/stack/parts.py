"""The parts of a stack. Any process of the same user can find, start, stop and kill them."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gridcare_local.servers.cache import write_atomically
from gridcare_local.servers.processes import ProcessRef, spawn
from gridcare_local.stack.probes import Probe, wait_ready

START_TIMEOUT_S = 60.0
STOP_GRACE_S = 30.0  # longer than the services' own 20 s to drain
PREFIX = "GRIDCARE_"


class Part(Protocol):
    """One process of a stack, with the name that `gridcare restart NAME` takes."""

    @property
    def name(self) -> str: ...

    @property
    def log(self) -> Path: ...

    @property
    def url(self) -> str:
        """An address for people to look at, or an empty string."""
        ...

    @property
    def health(self) -> str:
        """The base address of `/livez`, `/readyz` and `/metrics`, or an empty string."""
        ...

    def start(self) -> None:
        """Start it and wait until it is ready. A process that runs under its name is stopped first."""
        ...

    def stop(self) -> None:
        """Stop it, if it runs: with a signal first, by killing it after its grace."""
        ...

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        ...

    def running(self) -> ProcessRef | None:
        """Return its process if it is alive."""
        ...

    def ready(self) -> bool:
        """Return whether it is ready to work."""
        ...


@dataclass(frozen=True)
class ProcessPart:
    """A process of ours. Its pid and start time are kept in `<root>/run/<name>.json`."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    root: Path
    probe: Probe
    url: str = ""
    health: str = ""
    stop_grace_s: float = STOP_GRACE_S

    @property
    def log(self) -> Path:
        return self.root / "logs" / f"{self.name}.log"

    @property
    def _record(self) -> Path:
        return self.root / "run" / f"{self.name}.json"

    def start(self) -> None:
        self.stop()
        for folder in (self.log.parent, self._record.parent):
            folder.mkdir(parents=True, exist_ok=True)
        started = spawn(self.command, log=self.log, environment=clean_environment(self.environment))
        write_atomically(self._record, json.dumps({"pid": started.pid, "started": started.started}))
        wait_ready(self.name, self.probe, started, log=self.log, timeout_s=START_TIMEOUT_S)

    def stop(self) -> None:
        process = self.running()
        if process is not None:
            process.stop(grace_s=self.stop_grace_s)

    def kill(self) -> None:
        process = self.running()
        if process is not None:
            process.kill()

    def running(self) -> ProcessRef | None:
        try:
            record = json.loads(self._record.read_text())
        except FileNotFoundError:
            return None
        process = ProcessRef(record["pid"], record["started"])
        return process if process.alive() else None

    def ready(self) -> bool:
        return self.probe()


def clean_environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with `own` instead of its GRIDCARE_ variables, which must not leak in."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)} | dict(own)
