"""What a stack keeps between starts in `<clone>/.local/settings.json`: ports, throw-away secrets, its clock."""

import base64
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from datetime import time as dt_time
from pathlib import Path

from gridcare_local.servers.cache import file_lock, write_atomically
from gridcare_local.servers.ports import claim_ports, is_soon_free

CAN_THO = timezone(timedelta(hours=7), "ICT")
SETTINGS_FILE = "settings.json"
DEFAULT_HOUR = "10:00"  # office hours, far from the quiet hours
LOCK_TIMEOUT_S = 30.0
DAY_S = 86_400.0


@dataclass
class StackSettings:
    """The settings of a stack, generated once. The secrets are only for its own emulators and databases."""

    root: Path
    ports: dict[str, int] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    """Further variables for every process of the services, such as a test's shorter leases."""
    clock_offset_s: float = 0.0
    clock_set: bool = False

    @classmethod
    def load(cls, root: Path) -> "StackSettings":
        """Read a stack's settings, or make new ones if there are none."""
        root = root.resolve()
        root.mkdir(parents=True, exist_ok=True)
        try:
            kept = json.loads((root / SETTINGS_FILE).read_text())
        except FileNotFoundError:
            kept = {}
        settings = cls(root=root, **kept)
        settings.secrets = _fresh_secrets() | settings.secrets
        return settings

    def save(self) -> None:
        """Write them to the file, which only its owner can read."""
        kept = asdict(self)
        del kept["root"]
        write_atomically(self.root / SETTINGS_FILE, json.dumps(kept, indent=1))

    def claim_missing_ports(self, names: list[str]) -> None:
        """Claim a port for every name that has none yet."""
        with file_lock(self.root / "settings.lock", timeout_s=LOCK_TIMEOUT_S):
            missing = [name for name in names if name not in self.ports]
            self.ports |= dict(zip(missing, claim_ports(self.root, len(missing)), strict=True))
            self.save()

    def replace_taken_ports(self) -> None:
        """Forget ports that other programs took, so that new ones are claimed. Nothing of the stack may be running."""
        for name in [name for name, port in self.ports.items() if not is_soon_free(port)]:
            del self.ports[name]

    def set_clock(self, hour: str) -> None:
        """Set the clock to `hour` (HH:MM) in Can Tho. It never goes back."""
        self.clock_offset_s = clock_offset_s(hour, time.time(), self.clock_offset_s if self.clock_set else None)
        self.clock_set = True


def clock_offset_s(hour: str, now_s: float, former_offset_s: float | None) -> float:
    """Return the seconds to add to `now_s` to get `hour` in Can Tho.

    Without a former offset, it is on the same day. With one, it is the next such moment in the stack's own time, so
    that no data is younger than the clock. Raises ValueError if `hour` is not HH:MM.
    """
    wanted = parse_hour(hour)
    pretended = datetime.fromtimestamp(now_s + (former_offset_s or 0.0), UTC).astimezone(CAN_THO)
    target = pretended.replace(hour=wanted.hour, minute=wanted.minute, second=0, microsecond=0)
    if former_offset_s is not None and target < pretended:
        target += timedelta(seconds=DAY_S)
    return target.timestamp() - now_s


def parse_hour(hour: str) -> dt_time:
    """Read HH:MM. Raises ValueError if it has another form."""
    return datetime.strptime(hour, "%H:%M").replace(tzinfo=CAN_THO).time()


def default_root() -> Path:
    """Return the folder of this clone's stack: $GRIDCARE_LOCAL_DIR or `.local` in the clone."""
    configured = os.environ.get("GRIDCARE_LOCAL_DIR")
    return Path(configured) if configured else clone_root() / ".local"


def clone_root() -> Path:
    """Return the root of the clone that this package is installed from."""
    return Path(__file__).resolve().parents[4]


def _fresh_secrets() -> dict[str, str]:
    return {
        "contact_keys": "k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "contact_index_key": base64.b64encode(secrets.token_bytes(32)).decode(),
        "twilio_account_sid": "AC" + secrets.token_hex(16),
        "twilio_auth_token": secrets.token_hex(16),
        "vnpay_hash_secret": secrets.token_hex(16).upper(),
        "database_password": secrets.token_urlsafe(18),
        "app_password": secrets.token_urlsafe(18),
    }
