"""The parts of a stack: each can be started, stopped, killed and found again by any process of the same user."""

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
    """One process of a stack, under the name that `gridcare restart NAME` knows."""

    @property
    def name(self) -> str: ...

    @property
    def log(self) -> Path: ...

    @property
    def url(self) -> str:
        """Where a person looks at it; empty when there is nothing to see."""
        ...

    @property
    def health(self) -> str:
        """Base address of its `/livez`, `/readyz` and `/metrics`; empty when it has none."""
        ...

    def start(self) -> None:
        """Start it and return when it is ready; whatever ran under its name before is stopped first."""
        ...

    def stop(self) -> None:
        """Ask it to end, then kill it; nothing happens when it does not run."""
        ...

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        ...

    def running(self) -> ProcessRef | None:
        """Find its living process."""
        ...

    def ready(self) -> bool:
        """Whether it does its work."""
        ...


@dataclass(frozen=True)
class ProcessPart:
    """A process of ours; pid and start time are kept in `<root>/run/<name>.json`."""

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
        found = self.running()
        if found is not None:
            found.stop(grace_s=self.stop_grace_s)

    def kill(self) -> None:
        found = self.running()
        if found is not None:
            found.kill()

    def running(self) -> ProcessRef | None:
        try:
            record = json.loads(self._record.read_text())
        except FileNotFoundError:
            return None
        found = ProcessRef(record["pid"], record["started"])
        return found if found.alive() else None

    def ready(self) -> bool:
        return self.probe()


def clean_environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with `own` in place of every GRIDCARE_ variable: none of the caller's leaks in."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)} | dict(own)
