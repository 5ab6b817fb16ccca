"""A broker's second door, as a production cluster has: TLS, and users that prove themselves by SCRAM-SHA-512."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gridcare_local.emulators.keys import new_identity, write_whole

LISTENER: Final = "SECURED"
MECHANISM: Final = "SCRAM-SHA-512"
KEYS_FILE: Final = "secured.pem"
CA_FILE: Final = "secured-ca.pem"
_MODULE: Final = "org.apache.kafka.common.security.scram.ScramLoginModule"


@dataclass(frozen=True, slots=True)
class Secured:
    """A port and its users, by name with their passwords. The keys are made for each data folder."""

    port: int
    users: Mapping[str, str] = field(repr=False)

    def keys(self, data_dir: Path) -> Path:
        """Return the file with key and certificate, made if missing together with that of their authority (CA_FILE)."""
        made = data_dir / KEYS_FILE
        if not made.exists():
            identity = new_identity()
            write_whole(data_dir / CA_FILE, identity.authority)
            write_whole(made, identity.key + identity.chain)
        return made

    def properties(self, data_dir: Path, host: str, plain: Mapping[str, str]) -> dict[str, str]:
        """Return the broker's properties: those of `plain`, with this listener added."""
        prefix = f"listener.name.{LISTENER.lower()}"
        added = f"{LISTENER}://{host}:{self.port}"
        return dict(plain) | {
            "listeners": f"{plain['listeners']},{added}",
            "advertised.listeners": f"{plain['advertised.listeners']},{added}",
            "listener.security.protocol.map": f"{plain['listener.security.protocol.map']},{LISTENER}:SASL_SSL",
            f"{prefix}.sasl.enabled.mechanisms": MECHANISM,
            f"{prefix}.{MECHANISM.lower()}.sasl.jaas.config": f"{_MODULE} required;",
            f"{prefix}.ssl.keystore.type": "PEM",
            f"{prefix}.ssl.keystore.location": str(self.keys(data_dir)),
        }

    def format_options(self) -> list[str]:
        """Return the options with which the data folder is formatted, so that the users are there from the start."""
        return [
            option
            for name, password in self.users.items()
            for option in ("--add-scram", f"{MECHANISM}=[name={name},password={password}]")
        ]
