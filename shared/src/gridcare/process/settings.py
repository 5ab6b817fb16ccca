"""Settings: environment variables named GRIDCARE_…, checked before anything else starts.

Each process and command has a class of its own, made of the parts that it uses, so that it is given no secret but its own:
the parts that all services have are here, those of a service in its `settings.py`, and its `__main__` says which class is whose.
"""

from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from gridcare.errors import SettingsError
from gridcare.http.edge.address import Networks
from gridcare.kafka.brokers import Brokers, Login
from gridcare.process import crash_points
from gridcare.process.connections import CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX
from gridcare.values.addresses import THIS_MACHINE, is_safe

PREFIX = "GRIDCARE_"

S = TypeVar("S", bound="Settings")

_HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+(/\S*)?$")]
Port = Annotated[int, Field(ge=0, le=65535)]


def _networks(text: str) -> str:
    try:
        Networks.of_text(text)
    except ValueError:  # it quotes the text
        raise ValueError("must be networks such as 10.0.0.0/8, comma-separated") from None
    return text


def _safe(url: str) -> str:
    if not is_safe(url):
        raise ValueError("must be https: whoever is on the way could read what is said there, and answer for it")
    return url


def _safe_or_allowed(url: str, others: ValidationInfo) -> str:
    return url if others.data.get("allow_plaintext") else _safe(url)


def _postgres_url(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise ValueError("must be postgresql://user:password@host:port/database")
    ports = (each.rpartition("]")[2].partition(":")[2] for each in _servers(url))
    if not all(port.isdecimal() or not port for port in ports):
        raise ValueError("has a port that is no number: percent-encode / ? # in a password")
    return url


def _servers(url: SecretStr) -> list[str]:
    return urlsplit(url.get_secret_value()).netloc.rpartition("@")[2].split(",")


def _is_here(url: SecretStr) -> bool:
    """Return whether a database is on this machine."""
    options = parse_qs(urlsplit(url.get_secret_value()).query)
    if "host" in options or "hostaddr" in options:  # would name another server than the address seems to
        return False
    return {each.rpartition(":")[0] or each for each in _servers(url)} <= THIS_MACHINE


def _is_verified(url: SecretStr) -> bool:
    """Return whether a database is on this machine, or proves its name by a certificate before it is told a password."""
    options = parse_qs(urlsplit(url.get_secret_value()).query)
    return _is_here(url) or options.get("sslmode") == ["verify-full"]


PostgresUrl = Annotated[SecretStr, AfterValidator(_postgres_url)]
"""The address of a database with the password of its role, so that it is shown nowhere."""


SafeUrl = Annotated[_HttpUrl, AfterValidator(_safe)]
"""https; plain http to this machine alone."""

EmulatedUrl = Annotated[_HttpUrl, AfterValidator(_safe_or_allowed)]
"""A SafeUrl that may be plain http where `allow_plaintext` says so: an emulator in a developer's cluster stands in for it."""


class Settings(BaseSettings):
    """The settings of every process and command; each field is read from GRIDCARE_<FIELD IN CAPITALS>."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True)

    allow_plaintext: bool = False
    """Reach brokers, databases and Twilio's emulator on other machines in the clear: for development alone."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    trace_file: str | None = None


class DatabaseSettings(Settings):
    """The part of processes that use the service's database."""

    database_url: PostgresUrl
    clock_offset_s: float = 0

    @model_validator(mode="after")
    def _tells_no_other_database(self) -> Self:
        refuse_unverified(self, "database_url")
        return self


class KafkaSettings(Settings):
    """The part of processes that use the brokers."""

    kafka_bootstrap: Annotated[str, StringConstraints(pattern=r"^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$")]
    kafka_username: str | None = Field(default=None, min_length=1)
    """This service's principal: SASL SCRAM-SHA-512 over TLS. Needed wherever a broker is not on this machine."""
    kafka_password: SecretStr | None = Field(default=None, min_length=1)
    kafka_ca_file: Path | None = None
    """PEM certificates of the authorities that sign the brokers'; those of the system if unset."""

    @model_validator(mode="after")
    def _tells_no_other_broker(self) -> Self:
        if (self.kafka_username is None) != (self.kafka_password is None):
            raise ValueError("GRIDCARE_KAFKA_USERNAME and GRIDCARE_KAFKA_PASSWORD: set both or neither")
        if self.kafka_username is None and not self.allow_plaintext and not self.brokers_are_here():
            raise ValueError("GRIDCARE_KAFKA_USERNAME: is not set, and these brokers are on other machines")
        return self

    def brokers_are_here(self) -> bool:
        """Return whether every broker is on this machine."""
        return {each.rpartition(":")[0] for each in self.kafka_bootstrap.split(",")} <= THIS_MACHINE

    def brokers(self) -> Brokers:
        """Return the brokers and the login there."""
        if self.kafka_username is None or self.kafka_password is None:
            return Brokers(self.kafka_bootstrap)
        login = Login(self.kafka_username, self.kafka_password.get_secret_value(), self.kafka_ca_file)
        return Brokers(self.kafka_bootstrap, login)


class ProcessSettings(DatabaseSettings):
    """The part of processes that run until they are told to stop."""

    database_pool_size: int = Field(default=10, ge=2, le=100)
    http_host: str = "0.0.0.0"  # noqa: S104 - a pod listens on its own address
    health_port: Port = 8081
    shutdown_grace_s: float = Field(default=20, gt=0, le=600)
    crash_at: Annotated[str, AfterValidator(crash_points.parse)] | None = None
    """Where this process is to die (gridcare.process.crash_points): for the fault campaign alone."""

    @model_validator(mode="after")
    def _crashes_at_home_only(self) -> Self:
        brokers_are_here = not isinstance(self, KafkaSettings) or self.brokers_are_here()
        if self.crash_at is not None and not (_is_here(self.database_url) and brokers_are_here):
            raise ValueError("GRIDCARE_CRASH_AT: for the fault campaign alone, whose servers are on this machine")
        return self


class HttpSettings(ProcessSettings):
    """The part of an api."""

    http_port: Port = 8080
    docs_page: bool = False
    """Serve /docs and /openapi.json; not in production, where they only help who looks for a way in."""
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = ""
    """Networks of the proxies before the api, comma-separated: their X-Forwarded-For names the caller. Empty: there is none."""
    connections_per_address_max: int = Field(default=CONNECTIONS_PER_ADDRESS_MAX, ge=1, le=CONNECTIONS_MAX)
    """Of one address that is no trusted proxy; mobile carriers put many customers behind one."""
    oidc_issuer: SafeUrl
    oidc_ca_file: Path | None = None
    """PEM certificates that are trusted beside the system's, for an issuer of one's own."""


class TopicsSettings(ProcessSettings, KafkaSettings):
    """The part of processes that follow topics."""

    kafka_session_timeout_s: float = Field(default=45, ge=6, le=300)


class DirectSettings(ProcessSettings):
    """The part of processes that need a session of the database to themselves."""

    database_direct_url: PostgresUrl | None = None
    """Bypasses any transaction pooler, for session locks and for listening; database_url if unset."""

    @model_validator(mode="after")
    def _tells_no_other_direct_database(self) -> Self:
        refuse_unverified(self, "database_direct_url")
        return self

    def direct_url(self) -> str:
        """Return the address, with the password."""
        return (self.database_direct_url or self.database_url).get_secret_value()


class RelaySettings(DirectSettings, KafkaSettings):
    """The settings of a relay."""


class MigrateSettings(Settings):
    """The settings of `migrate`."""

    database_owner_url: PostgresUrl
    """Of the role that owns the database. The role that the processes run as may change no table."""

    @model_validator(mode="after")
    def _tells_no_other_database(self) -> Self:
        refuse_unverified(self, "database_owner_url")
        return self


class ReplaySettings(DatabaseSettings, KafkaSettings):
    """The settings of the commands that go between the database and the brokers."""


def refuse_unverified(settings: Settings, name: str) -> None:
    """Raise ValueError if a field holds a database's address on another machine that need not prove its name."""
    url = getattr(settings, name)
    if url is not None and not settings.allow_plaintext and not _is_verified(url):
        raise ValueError(f"{PREFIX}{name.upper()}: needs sslmode=verify-full for a server on another machine")


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
