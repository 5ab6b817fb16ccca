"""Starts emulators as processes and controls them, for tests and the demo."""

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from gridcare.testing.signing import Algorithm
from gridcare_local.emulators.journal import read_lines
from gridcare_local.emulators.oidc.keys import TOKEN_LIFETIME_S, mint

EmulatorKind = Literal["twilio", "fcm", "oidc", "vnpay"]
START_TRIES: Final = 3  # another process may take a free port before the emulator starts
PORT_TAKEN: Final = "is taken"  # in the log of an emulator whose port is in use
START_S: Final = 15.0
STOP_S: Final = 5.0
REQUEST_S: Final = 10.0


class EmulatorError(Exception):
    """An emulator did not start, or refused an admin request."""


def free_port() -> int:
    """Return a free TCP port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Emulator:
    """A running (or killed) emulator process and its journal."""

    kind: EmulatorKind
    state_dir: Path
    port: int
    environment: Mapping[str, str] = field(repr=False)
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def url(self) -> str:
        """The base address. FCM's is https, with a certificate signed by `ca_file`."""
        return f"{'https' if self.kind == 'fcm' else 'http'}://127.0.0.1:{self.port}"

    @property
    def ca_file(self) -> Path:
        """The CA that signed the FCM emulator's certificate (PEM)."""
        return self.state_dir / "ca.pem"

    @property
    def service_account_file(self) -> Path:
        """The service account that may send through the FCM emulator."""
        return self.state_dir / "service-account.json"

    @property
    def journal_file(self) -> Path:
        """The journal, readable while the emulator runs and after it was killed."""
        return self.state_dir / "journal.jsonl"

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        self.process.kill()
        self.process.wait(STOP_S)

    def pause(self) -> None:
        """Freeze the process (SIGSTOP): the kernel accepts connections, but nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue a frozen process."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Terminate the process, and kill it if it does not end."""
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def start_again(self) -> None:
        """Restart the process with the same port and state."""
        self.stop()
        self.process = _spawn(self.kind, self.state_dir, self.environment)
        _wait_until_ready(self)

    def script(self, rules: Iterable[Mapping[str, Any]]) -> None:
        """Replace the script's rules. README.md explains the format."""
        self.request("PUT", "/_emulator/script", list(rules))

    def script_state(self) -> list[dict[str, Any]]:
        """Return the current rules, each with `seen` and `fired`."""
        state: list[dict[str, Any]] = self.request("GET", "/_emulator/script")
        return state

    def settings(self, **settings: object) -> None:
        """Set the FCM emulator's token_lifetime_s, strict and revoked_before_s. Those left out get their defaults."""
        self.request("PUT", "/_emulator/settings", settings)

    def journal(self, kind: str | None = "accepted", *, after: int = 0) -> list[dict[str, Any]]:
        """Return the journal's lines of a kind (None: all) after line `after`, from the file: it may be dead."""
        lines = (msgspec.json.decode(line) for line in read_lines(self.journal_file, after=after))
        return [line for line in lines if kind is None or line["kind"] == kind]

    def counts(self) -> dict[str, int]:
        """Return the number of journal lines by kind, and of requests that were refused without one."""
        counts: dict[str, int] = self.request("GET", "/_emulator/counts")
        return counts

    def mint_token(
        self,
        *,
        algorithm: Algorithm = "RS256",
        lifetime_s: int = TOKEN_LIFETIME_S,
        foreign: bool = False,
        **claims: object,
    ) -> str:
        """Mint a token of this issuer without the claims that are None. `foreign` signs it with an unknown key."""
        issuer = self.environment.get("EMULATOR_PUBLIC_URL") or self.url
        return mint(self.state_dir, issuer, claims, algorithm=algorithm, lifetime_s=lifetime_s, foreign=foreign)

    def rotate_keys(self, *, drop_old: bool = False) -> None:
        """Make the OIDC emulator sign with new keys. The old ones stay in its JWKS unless they are dropped."""
        self.request("POST", f"/_emulator/rotate?drop_old={'true' if drop_old else 'false'}")

    def request(self, method: str, path: str, body: object = None) -> Any:
        """Send an admin request and return the JSON of its answer. Raises EmulatorError."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, method=method)  # noqa: S310 - a fixed scheme
        context = ssl.create_default_context(cafile=self.ca_file) if self.kind == "fcm" else None
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_S, context=context) as answer:  # noqa: S310 - as above
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                raise EmulatorError(f"{error.code}: {error.read().decode()}") from error


def start_emulator(
    kind: EmulatorKind,
    state_dir: Path,
    *,
    port: int | None = None,
    clock_offset_s: float = 0.0,
    environment: Mapping[str, str] | None = None,
    exits_with_parent: bool = True,
) -> Emulator:
    """Start an emulator, by default on a free port, and wait until it answers.

    With `exits_with_parent`, it exits soon after this process has ended. Raises EmulatorError.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    for left in reversed(range(START_TRIES)):
        chosen = port or free_port()
        whole = {
            **os.environ,
            **(environment or {}),
            "EMULATOR_PORT": str(chosen),
            "EMULATOR_STATE_DIR": str(state_dir),
            "GRIDCARE_CLOCK_OFFSET_S": str(clock_offset_s),
            "EMULATOR_PARENT_PID": str(os.getpid()) if exits_with_parent else "",
        }
        emulator = Emulator(kind, state_dir, chosen, whole, _spawn(kind, state_dir, whole))
        try:
            _wait_until_ready(emulator)
        except EmulatorError as error:
            if not left or port is not None or PORT_TAKEN not in str(error):
                raise
        else:
            return emulator
    raise AssertionError("unreachable: the last try raises or returns")


def _spawn(kind: EmulatorKind, state_dir: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"gridcare_local.emulators.{kind}"]
    with (state_dir / "emulator.log").open("ab") as log:
        return subprocess.Popen(command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _wait_until_ready(emulator: Emulator) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and emulator.process.poll() is None:
        with contextlib.suppress(OSError, EmulatorError):
            # another process on the same port would answer too, so check the pid
            if emulator.request("GET", "/_emulator/health")["pid"] == emulator.process.pid:
                return
        time.sleep(0.02)
    emulator.process.kill()
    emulator.process.wait(STOP_S)
    log = (emulator.state_dir / "emulator.log").read_text(errors="replace")[-2000:]
    raise EmulatorError(f"the {emulator.kind} emulator did not start at port {emulator.port}: {log}")
