"""The settings of an emulator process, from its environment."""

import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class EmulatorSettings:
    """The port of an emulator, the folder of what must survive a kill -9, and its business time.

    On `control_port`, if given, requests below /_emulator/ are also answered over plain HTTP.
    """

    port: int
    state_dir: Path
    clock_offset_s: float = 0.0
    parent_pid: int | None = None
    control_port: int | None = None

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
        state_dir=state_dir,
        clock_offset_s=float(os.environ.get("GRIDCARE_CLOCK_OFFSET_S") or 0),
        parent_pid=int(os.environ.get("EMULATOR_PARENT_PID") or 0) or None,
        control_port=int(os.environ.get("EMULATOR_CONTROL_PORT") or 0) or None,
    )


def _hold_alone(state_dir: Path) -> None:
    """Lock the state directory until this process ends, since two writers would damage the journal."""
    lock = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)  # closed by the kernel when the process ends
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise SystemExit(f"another emulator runs on {state_dir}") from error
