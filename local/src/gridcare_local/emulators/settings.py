"""The settings of an emulator process, from its environment."""

import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class EmulatorSettings:
    """The port of an emulator, the folder of what must survive a kill -9, and its business time.

    On `control_port`, if given, requests below /_emulator/ are also answered over plain HTTP. `public_url` is the base
    address that clients know; it differs from `host` and `port` where the emulator is a pod behind a name.
    """

    port: int
    host: str = LOOPBACK
    public_url: str | None = None
    state_dir: Path
    clock_offset_s: float = 0.0
    parent_pid: int | None = None
    control_port: int | None = None
    tls_dir: Path | None = None
    """Holds tls.crt and tls.key, as a Secret of Kubernetes' type kubernetes.io/tls does."""

    @property
    def certificate(self) -> tuple[Path, Path] | None:
        """The given certificate chain and its key, or None."""
        return None if self.tls_dir is None else (self.tls_dir / "tls.crt", self.tls_dir / "tls.key")

    def address(self, scheme: str) -> str:
        """Return the base address that clients know."""
        return self.public_url or f"{scheme}://{self.host}:{self.port}"

    def now_s(self) -> float:
        """Return the business time as seconds since the epoch."""
        return time.time() + self.clock_offset_s


def from_environment() -> EmulatorSettings:
    """Read EMULATOR_PORT and EMULATOR_STATE_DIR, which are required, and the optional variables of README.md."""
    missing = [name for name in ("EMULATOR_PORT", "EMULATOR_STATE_DIR") if not os.environ.get(name)]
    if missing:
        raise SystemExit(f"set {' and '.join(missing)}")
    state_dir = Path(os.environ["EMULATOR_STATE_DIR"])
    state_dir.mkdir(parents=True, exist_ok=True)
    _hold_alone(state_dir)
    return EmulatorSettings(
        port=int(os.environ["EMULATOR_PORT"]),
        host=os.environ.get("EMULATOR_HOST") or LOOPBACK,
        public_url=os.environ.get("EMULATOR_PUBLIC_URL") or None,
        state_dir=state_dir,
        clock_offset_s=float(os.environ.get("GRIDCARE_CLOCK_OFFSET_S") or 0),
        parent_pid=int(os.environ.get("EMULATOR_PARENT_PID") or 0) or None,
        control_port=int(os.environ.get("EMULATOR_CONTROL_PORT") or 0) or None,
        tls_dir=Path(tls_dir) if (tls_dir := os.environ.get("EMULATOR_TLS_DIR")) else None,
    )


def _hold_alone(state_dir: Path) -> None:
    """Lock the state directory until this process ends, since two writers would damage the journal."""
    lock = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)  # closed by the kernel when the process ends
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise SystemExit(f"another emulator runs on {state_dir}") from error
