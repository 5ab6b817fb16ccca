"""Wrong settings prevent the start; the error names the variable and the reason, never the value."""

import traceback
from pathlib import Path

import pytest

from gridcare.errors import Retryable, SettingsError
from gridcare.kafka.brokers import Brokers, Login
from gridcare.postgres.database import Database
from gridcare.process.settings import HttpSettings, RelaySettings, load

GOOD = {
    "GRIDCARE_DATABASE_URL": "postgresql://u:geheim@127.0.0.1/x",
    "GRIDCARE_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
    "GRIDCARE_OIDC_ISSUER": "https://issuer.example",
}


class EveryPart(HttpSettings, RelaySettings):
    """Every part that all services have."""


def load_with(monkeypatch, **changes):
    for name, value in {**GOOD, **changes}.items():
        monkeypatch.setenv(name, value)
    return load(EveryPart)


def test_good_settings_are_read(monkeypatch):
    """Each field is read from the variable with the prefix."""
    settings = load_with(monkeypatch, GRIDCARE_HTTP_PORT="9000")
    assert (settings.http_port, settings.kafka_bootstrap) == (9000, "127.0.0.1:9092")


def test_a_missing_variable_is_named(monkeypatch):
    """All missing variables are named at once."""
    for name in GOOD:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsError) as refused:
        load(EveryPart)
    assert {line.split(":")[0] for line in str(refused.value).splitlines()} == set(GOOD)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GRIDCARE_DATABASE_URL", "mysql://u:geheim@db/x"),
        ("GRIDCARE_DATABASE_URL", "postgresql://u:geheim@db"),
        ("GRIDCARE_DATABASE_URL", "postgresql://u:geheim/geheim@db/x"),
        ("GRIDCARE_DATABASE_URL", "geheim"),
        ("GRIDCARE_DATABASE_POOL_SIZE", "0"),
        ("GRIDCARE_KAFKA_BOOTSTRAP", "geheim"),
        ("GRIDCARE_HTTP_PORT", "geheim"),
        ("GRIDCARE_OIDC_ISSUER", "ftp://geheim"),
        ("GRIDCARE_LOG_LEVEL", "geheim"),
    ],
)
def test_wrong_values_are_not_shown(monkeypatch, name, value):
    """The message names the variable and the reason, not the value: it may be a secret."""
    with pytest.raises(SettingsError) as refused:
        load_with(monkeypatch, **{name: value})
    assert str(refused.value).startswith(f"{name}: ")
    assert "geheim" not in str(refused.value)


LOGIN = {"GRIDCARE_KAFKA_USERNAME": "repair-intake", "GRIDCARE_KAFKA_PASSWORD": "geheim"}


@pytest.mark.parametrize("bootstrap", ["kafka:9092", "127.0.0.1:9092,kafka:9092", "127.0.0.1.example:9092"])
def test_brokers_elsewhere_need_login(monkeypatch, bootstrap):
    """Brokers on other machines are reached with TLS and a login, or in the clear where a setting says so."""
    with pytest.raises(SettingsError, match="GRIDCARE_KAFKA_USERNAME: is not set"):
        load_with(monkeypatch, GRIDCARE_KAFKA_BOOTSTRAP=bootstrap)
    assert load_with(monkeypatch, GRIDCARE_KAFKA_BOOTSTRAP=bootstrap, GRIDCARE_ALLOW_PLAINTEXT="true").brokers() == (
        Brokers(bootstrap)
    )
    settings = load_with(monkeypatch, GRIDCARE_KAFKA_BOOTSTRAP=bootstrap, GRIDCARE_KAFKA_CA_FILE="/ca.pem", **LOGIN)
    assert settings.brokers() == Brokers(bootstrap, Login("repair-intake", "geheim", Path("/ca.pem")))


@pytest.mark.parametrize("name", LOGIN)
def test_half_a_login_is_refused(monkeypatch, name):
    """A user without a password, or a password without a user, would otherwise connect as nobody."""
    with pytest.raises(SettingsError, match="both or neither") as refused:
        load_with(monkeypatch, **{name: LOGIN[name]})
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize("name", ["GRIDCARE_DATABASE_URL", "GRIDCARE_DATABASE_DIRECT_URL"])
@pytest.mark.parametrize("query", ["", "?sslmode=require", "?sslmode=prefer", "?sslmode=verify-ca"])
@pytest.mark.parametrize("hosts", ["db", "db:5432", "127.0.0.1:5432,db:5432", "127.0.0.1.example"])
def test_databases_elsewhere_are_verified(monkeypatch, name, query, hosts):
    """Anything less than verify-full to another machine is refused, unless a setting says so."""
    url = f"postgresql://u:geheim@{hosts}/x{query}"
    with pytest.raises(SettingsError, match=f"{name}: needs sslmode=verify-full") as refused:
        load_with(monkeypatch, **{name: url})
    assert "geheim" not in str(refused.value)
    load_with(monkeypatch, **{name: url, "GRIDCARE_ALLOW_PLAINTEXT": "true"})
    monkeypatch.delenv("GRIDCARE_ALLOW_PLAINTEXT")
    load_with(monkeypatch, **{name: f"postgresql://u:geheim@{hosts}/x?sslmode=verify-full"})


async def test_addresses_make_no_error(monkeypatch):
    """An address that was accepted is never quoted by the driver: it can parse it, whatever is in its password."""
    url = "postgresql://u:geheim%2F%3F%23@127.0.0.1:1/x"
    settings = load_with(monkeypatch, GRIDCARE_DATABASE_URL=url)
    with pytest.raises(Retryable) as refused:
        async with Database.open(settings.database_url.get_secret_value(), application_name="tests"):
            pass
    assert "geheim" not in "".join(traceback.format_exception(refused.value))
