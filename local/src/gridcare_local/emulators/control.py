"""Starting emulators as processes and driving them: what every test and the demo use."""

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

from gridcare_local.emulators.journal import read_lines
from gridcare_local.emulators.oidc.keys import TOKEN_LIFETIME_S, Algorithm, mint

Kind = Literal["twilio", "fcm", "oidc"]
START_TRIES: Final = 3  # a free port may be taken by another between the look and the start
PORT_TAKEN: Final = "is taken"  # said in the log of an emulator that found its port in use
START_S: Final = 15.0
STOP_S: Final = 5.0
REQUEST_S: Final = 10.0


class EmulatorError(Exception):
    """An emulator did not start, or refused a request of its driver."""


def free_port() -> int:
    """Find a TCP port of 127.0.0.1 that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Emulator:
    """A running (or killed) emulator process and its journal."""

    kind: Kind
    state_dir: Path
    port: int
    environment: Mapping[str, str] = field(repr=False)
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def url(self) -> str:
        """The base address; of FCM it is https, verified by `ca_file`."""
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
        """End the process as kill -9 does."""
        self.process.kill()
        self.process.wait(STOP_S)

    def pause(self) -> None:
        """Freeze the process (SIGSTOP): connections are taken by the kernel and nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process go on."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Ask the process to end; kill it when it does not."""
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def start_again(self) -> None:
        """Start the process anew, at the same port, on the same state."""
        self.stop()
        self.process = _spawn(self.kind, self.state_dir, self.environment)
        _wait_until_ready(self)

    def script(self, rules: Iterable[Mapping[str, Any]]) -> None:
        """Put rules in force in place of the earlier ones; the format is in README.md."""
        self.request("PUT", "/_emulator/script", list(rules))

    def script_state(self) -> list[dict[str, Any]]:
        """Give the rules in force, each with `seen` and `fired`."""
        state: list[dict[str, Any]] = self.request("GET", "/_emulator/script")
        return state

    def settings(self, **settings: object) -> None:
        """Change the FCM emulator's settings: token_lifetime_s, strict, revoked_before_s; absent ones go to their default."""
        self.request("PUT", "/_emulator/settings", settings)

    def journal(self, kind: str | None = "accepted", *, after: int = 0) -> list[dict[str, Any]]:
        """Read the journal's lines of a kind (None: all) behind line `after`, from the file: the process may be dead."""
        lines = (msgspec.json.decode(line) for line in read_lines(self.journal_file, after=after))
        return [line for line in lines if kind is None or line["kind"] == kind]

    def counts(self) -> dict[str, int]:
        """Count the journal's lines by kind, and what was refused before it got there."""
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
        """Mint a token of this issuer; claims of None are left out, `foreign` makes the signature a stranger's."""
        issuer = self.environment.get("EMULATOR_OIDC_ISSUER") or self.url
        return mint(self.state_dir, issuer, claims, algorithm=algorithm, lifetime_s=lifetime_s, foreign=foreign)

    def rotate_keys(self, *, drop_old: bool = False) -> None:
        """Let the OIDC emulator sign with new keys; the old ones stay in its JWKS unless dropped."""
        self.request("POST", f"/_emulator/rotate?drop_old={'true' if drop_old else 'false'}")

    def request(self, method: str, path: str, body: object = None) -> Any:
        """Make an admin request and give its JSON."""
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
    kind: Kind,
    state_dir: Path,
    *,
    port: int | None = None,
    clock_offset_s: float = 0.0,
    environment: Mapping[str, str] | None = None,
    exits_with_parent: bool = True,
) -> Emulator:
    """Start an emulator and wait until it answers; on a free port unless one is given.

    It ends by itself soon after the process that started it, unless told otherwise. Raises EmulatorError.
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


def _spawn(kind: Kind, state_dir: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"gridcare_local.emulators.{kind}"]
    with (state_dir / "emulator.log").open("ab") as log:
        return subprocess.Popen(command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _wait_until_ready(emulator: Emulator) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and emulator.process.poll() is None:
        with contextlib.suppress(OSError, EmulatorError):
            # Another process at the same port answers too, so ask who it is.
            if emulator.request("GET", "/_emulator/health")["pid"] == emulator.process.pid:
                return
        time.sleep(0.02)
    emulator.process.kill()
    emulator.process.wait(STOP_S)
    log = (emulator.state_dir / "emulator.log").read_text(errors="replace")[-2000:]
    raise EmulatorError(f"the {emulator.kind} emulator did not start at port {emulator.port}: {log}")
