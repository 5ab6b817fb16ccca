"""A broker's second door, as a production cluster has: TLS, and users that prove themselves by SCRAM-SHA-512."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

LISTENER: Final = "SECURED"
MECHANISM: Final = "SCRAM-SHA-512"
_MODULE: Final = "org.apache.kafka.common.security.scram.ScramLoginModule"

_ACCESS_LISTS: Final = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
}


@dataclass(frozen=True, slots=True)
class Secured:
    """A port, a PEM file with the broker's key and certificate, and the users by name with their passwords."""

    port: int
    keys_file: Path
    users: Mapping[str, str] = field(repr=False)
    access_lists: bool = False
    """Refuse users what no access list allows them. Who comes through the plain door may do everything."""

    def properties(self, host: str, plain: Mapping[str, str]) -> dict[str, str]:
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
            f"{prefix}.ssl.keystore.location": str(self.keys_file),
            **(_ACCESS_LISTS if self.access_lists else {}),
        }

    def format_options(self) -> list[str]:
        """Return the options with which the data folder is formatted, so that the users are there from the start."""
        return [
            option
            for name, password in self.users.items()
            for option in ("--add-scram", f"{MECHANISM}=[name={name},password={password}]")
        ]
