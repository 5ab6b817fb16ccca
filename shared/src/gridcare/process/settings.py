"""Settings: environment variables named GRIDCARE_…, checked before anything else starts."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gridcare.errors import SettingsError
from gridcare.http.edge.address import Networks
from gridcare.kafka.brokers import Brokers, Login
from gridcare.process import crash_points
from gridcare.process.connections import CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX
from gridcare.values.addresses import THIS_MACHINE, is_safe

PREFIX = "GRIDCARE_"

LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost):\d+")

S = TypeVar("S", bound=BaseSettings)

PostgresUrl = Annotated[str, StringConstraints(pattern=r"^postgres(ql)?://.+/.+")]
HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+(/\S*)?$")]
Port = Annotated[int, Field(ge=0, le=65535)]


def _networks(text: str) -> str:
    Networks.of_text(text)
    return text


def _safe(url: str) -> str:
    if not is_safe(url):
        raise ValueError("must be https: whoever can change an answer of the issuer can make tokens")
    return url


def _is_verified(url: str) -> bool:
    """Return whether a database is on this machine, or proves its name by a certificate before it is told a password."""
    parts = urlsplit(url)
    options = parse_qs(parts.query)
    if "host" in options or "hostaddr" in options:  # would name another server than the address seems to
        return options.get("sslmode") == ["verify-full"]
    hosts = {each.rpartition(":")[0] or each for each in parts.netloc.rpartition("@")[2].split(",")}
    return hosts <= THIS_MACHINE or options.get("sslmode") == ["verify-full"]


SafeUrl = Annotated[HttpUrl, AfterValidator(_safe)]
"""https; plain http to this machine alone."""


class ServiceSettings(BaseSettings):
    """The settings of every process of every service; each field is read from GRIDCARE_<FIELD IN CAPITALS>."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: PostgresUrl
    database_direct_url: PostgresUrl | None = None
    """Bypasses any transaction pooler, for the relay's session locks; database_url if unset."""
    database_pool_size: int = Field(default=10, ge=2, le=100)
    kafka_bootstrap: Annotated[str, StringConstraints(pattern=r"^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$")]
    kafka_username: str | None = Field(default=None, min_length=1)
    """This service's principal: SASL SCRAM-SHA-512 over TLS. Needed wherever a broker is not on this machine."""
    kafka_password: SecretStr | None = Field(default=None, min_length=1)
    kafka_ca_file: Path | None = None
    """PEM certificates of the authorities that sign the brokers'; those of the system if unset."""
    allow_plaintext: bool = False
    """Reach brokers and databases on other machines in the clear: for development alone."""
    kafka_session_timeout_s: float = Field(default=45, ge=6, le=300)
    http_host: str = "0.0.0.0"  # noqa: S104 - a pod listens on its own address
    http_port: Port = 8080
    health_port: Port = 8081
    docs_page: bool = False
    """Serve /docs and /openapi.json; not in production, where they only help who looks for a way in."""
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = ""
    """Networks of the proxies before the api, comma-separated: their X-Forwarded-For names the caller. Empty: there is none."""
    connections_per_address_max: int = Field(default=CONNECTIONS_PER_ADDRESS_MAX, ge=1, le=CONNECTIONS_MAX)
    """Of one address that is no trusted proxy; mobile carriers put many customers behind one."""
    oidc_issuer: SafeUrl
    oidc_ca_file: Path | None = None
    """PEM certificates that are trusted beside the system's, for an issuer of one's own."""
    clock_offset_s: float = 0
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    trace_file: str | None = None
    shutdown_grace_s: float = Field(default=20, gt=0, le=600)
    crash_at: Annotated[str, AfterValidator(crash_points.parse)] | None = None
    """Where this process is to die (gridcare.process.crash_points): for the fault campaign alone."""

    @model_validator(mode="after")
    def _tells_nobody_else(self) -> Self:
        if (self.kafka_username is None) != (self.kafka_password is None):
            raise ValueError("GRIDCARE_KAFKA_USERNAME and GRIDCARE_KAFKA_PASSWORD: set both or neither")
        hosts = {each.rpartition(":")[0] for each in self.kafka_bootstrap.split(",")}
        if self.kafka_username is None and not self.allow_plaintext and not hosts <= THIS_MACHINE:
            raise ValueError("GRIDCARE_KAFKA_USERNAME: is not set, and these brokers are on other machines")
        for name, url in (("URL", self.database_url), ("DIRECT_URL", self.database_direct_url)):
            if url is not None and not self.allow_plaintext and not _is_verified(url):
                raise ValueError(f"GRIDCARE_DATABASE_{name}: needs sslmode=verify-full for a server on another machine")
        return self

    def brokers(self) -> Brokers:
        """Return the brokers and the login there."""
        if self.kafka_username is None or self.kafka_password is None:
            return Brokers(self.kafka_bootstrap)
        login = Login(self.kafka_username, self.kafka_password.get_secret_value(), self.kafka_ca_file)
        return Brokers(self.kafka_bootstrap, login)

    @model_validator(mode="after")
    def _crashes_at_home_only(self) -> Self:
        if self.crash_at is not None and not LOOPBACK.fullmatch(self.kafka_bootstrap):
            raise ValueError("GRIDCARE_CRASH_AT: for the fault campaign alone, whose broker is on this machine")
        return self


def load(settings: type[S]) -> S:
    """Return `settings` read from the environment.

    Raises SettingsError with one line per wrong variable: its name and the reason, never its value.
    """
    try:
        return settings()
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_input=False, include_url=False):
            reason = "is not set" if problem["type"] == "missing" else problem["msg"]
            name = PREFIX + "_".join(str(part) for part in problem["loc"]).upper()
            # a rule over several variables has no location and names them itself
            lines.append(f"{name}: {reason}" if problem["loc"] else reason)
        raise SettingsError("\n".join(lines)) from None
