"""Captures the log of a block of test code, as it would appear on standard output."""

import io
import json
import logging as standard
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from gridcare.observability import logging


class Captured:
    """The lines logged so far: `text` as written, `lines` parsed."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def named(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of one event."""
        return [line for line in self.lines if line["event"] == event]


@contextmanager
def captured_logs(level: str = "debug") -> Iterator[Captured]:
    """Log as in production, but to memory, inside the block; the process's own logging is restored afterwards."""
    root = standard.getLogger()
    handlers, root_level = root.handlers, root.level
    before = structlog.get_config()
    stream = io.StringIO()
    logging.configure(service="test", process="test", level=level, stream=stream)
    try:
        yield Captured(stream)
    finally:
        standard.captureWarnings(capture=False)
        root.handlers = handlers
        root.setLevel(root_level)
        structlog.configure(**before)
