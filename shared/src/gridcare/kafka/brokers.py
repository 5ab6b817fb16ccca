"""The address of the brokers and what a client proves itself with."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gridcare.errors import SettingsError

MECHANISM: Final = "SCRAM-SHA-512"


@dataclass(frozen=True, slots=True)
class Login:
    """A user of the brokers. Its password is only ever proven over TLS, to a broker whose certificate names its address."""

    username: str
    password: str = field(repr=False)
    ca_file: Path | None = None
    """PEM certificates of the authorities that may have signed the brokers'; None trusts those of the system."""

    def options(self) -> dict[str, Any]:
        """Return the options of an aiokafka client. Raises SettingsError if `ca_file` cannot be read."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise SettingsError(f"GRIDCARE_KAFKA_CA_FILE: {type(error).__name__}") from error
        return {
            "security_protocol": "SASL_SSL",
            "ssl_context": context,
            "sasl_mechanism": MECHANISM,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }


@dataclass(frozen=True, slots=True)
class Brokers:
    """Where the brokers are (`host:port`, comma-separated), and the login they ask for; None speaks in the clear."""

    bootstrap: str
    login: Login | None = None

    def options(self) -> dict[str, Any]:
        """Return the options with which every aiokafka client reaches these brokers. Raises SettingsError as Login does."""
        return {"bootstrap_servers": self.bootstrap, **(self.login.options() if self.login else {})}
