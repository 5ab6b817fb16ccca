"""Checks over HTTP, with deadlines, whether parts are ready."""

import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from gridcare_local.errors import LocalStackError
from gridcare_local.servers.processes import ProcessRef, tail

TIMEOUT_S = 2.0
POLL_S = 0.05
HTTP_OK = 200

Probe = Callable[[], bool]


def http_probe(url: str, ca_file: Path | None = None) -> Probe:
    """Return a probe that is true if `url` answers 200. `ca_file` may be created while the part starts."""

    def ready() -> bool:
        try:
            context = ssl.create_default_context(cafile=ca_file) if ca_file else None
            with urllib.request.urlopen(url, timeout=TIMEOUT_S, context=context) as answer:  # noqa: S310 - our own address
                return bool(answer.status == HTTP_OK)
        except (OSError, urllib.error.URLError, ssl.SSLError, ValueError):
            return False

    return ready


def wait_ready(name: str, probe: Probe, started: ProcessRef, *, log: Path, timeout_s: float) -> None:
    """Wait until the probe is true. Raises LocalStackError with the log's end if the process dies or is too slow."""
    deadline = time.monotonic() + timeout_s
    while not probe():
        if not started.alive():
            raise LocalStackError(f"{name} ended while it started; the end of {log}:\n{tail(log)}")
        if time.monotonic() > deadline:
            raise LocalStackError(f"{name} was not ready after {timeout_s:.0f} s; the end of {log}:\n{tail(log)}")
        time.sleep(POLL_S)
