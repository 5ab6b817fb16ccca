"""The campaign's own journal: what it asked the services for, and what they answered, on the disk before it goes on.

Each operation is `asked` before its request is sent and `answered` after a definite answer; without one it is unknown, and
may or may not have taken effect.
"""

import itertools
import json
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Operation:
    """One thing asked for, under one Idempotency-Key. `answer` is None while it is unknown; `again` are answers to repeats."""

    number: int
    kind: str
    asked: dict[str, Any]
    status: int | None = None
    answer: dict[str, Any] | None = None
    again: list[Any] = field(default_factory=list)
    tries: int = 0

    @property
    def acknowledged(self) -> bool:
        return self.status is not None and self.status < 300


class Journal:
    """Append-only, fsynced, and kept in memory too."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._numbers = itertools.count(1)
        self.operations: list[Operation] = []
        self.statuses: Counter[str] = Counter()
        self.slow_refusals: list[float] = []

    def ask(self, kind: str, **asked: Any) -> Operation:
        """Note that something is about to be asked for."""
        operation = Operation(next(self._numbers), kind, asked)
        self.operations.append(operation)
        self._write({"n": operation.number, "asked": kind, **asked})
        return operation

    def answered(self, operation: Operation, status: int, answer: Any) -> None:
        """Note a definite answer: the first, or one to a repeat."""
        if operation.status is None:
            operation.status, operation.answer = status, answer
        else:
            operation.again.append((status, answer))
        self._write({"n": operation.number, "status": status, "answer": answer})

    def note(self, event: str, **facts: Any) -> None:
        """Note something that happened: a fault, a heal, a verdict."""
        self._write({"note": event, **facts})

    def of(self, *kinds: str) -> list[Operation]:
        """Return the operations of some kinds."""
        return [each for each in self.operations if each.kind in kinds]

    def _write(self, line: dict[str, Any]) -> None:
        os.write(self._file, json.dumps({"at": time.time(), **line}, default=str).encode() + b"\n")
        os.fdatasync(self._file)
