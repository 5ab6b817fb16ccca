"""Settings: a wrong one is named with its variable and the reason, never with its value."""

import base64

import pytest

from gridcare.errors import SettingsError
from gridcare.process.settings import load
from outage_notifier.settings import ApiSettings, SenderSettings, WorkerSettings

KEY = base64.b64encode(bytes(32)).decode()
GOOD = {
    "DATABASE_URL": "postgresql://somebody@127.0.0.1/outage_notifier",
    "KAFKA_BOOTSTRAP": "127.0.0.1:9092",
    "OIDC_ISSUER": "https://issuer.test",
    "CONTACT_KEYS": f"k1:{KEY}",
    "CONTACT_INDEX_KEY": KEY,
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "a-secret",
    "TWILIO_SENDER": "GRIDCARE",
    "PUBLIC_URL": "https://notices.test",
    "FCM_CREDENTIALS_FILE": "service-account.json",
}


class EveryPart(ApiSettings, SenderSettings, WorkerSettings):
    """What all processes read."""


@pytest.fixture
def environment(monkeypatch):
    """Return a function that sets the required variables, with changes; None leaves one out."""

    def given(**changes: str | None) -> None:
        for name, value in {**GOOD, **changes}.items():
            if value is not None:
                monkeypatch.setenv(f"GRIDCARE_{name}", value)

    return given


def test_required_ones_suffice(environment):
    """The variables without a default are enough, and no secret is shown."""
    environment()
    settings = load(EveryPart)
    assert (settings.quiet().start.hour, settings.quiet().end.hour) == (21, 7)
    assert KEY not in repr(settings)
    assert "a-secret" not in repr(settings)


@pytest.mark.parametrize("name", GOOD)
def test_none_may_be_missing(environment, name):
    """A missing variable that has no default is named."""
    environment(**{name: None})
    with pytest.raises(SettingsError) as refused:
        load(EveryPart)
    assert str(refused.value) == f"GRIDCARE_{name}: is not set"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONTACT_KEYS", "k1:c2VjcmV0LXNlY3JldA=="),
        ("CONTACT_INDEX_KEY", "c2VjcmV0LXNlY3JldA=="),
        ("TWILIO_ACCOUNT_SID", "AC123"),
        ("TWILIO_SENDER", "twelve chars"),
        ("TWILIO_API_URL", "twilio"),
        ("TWILIO_API_URL", "http://twilio.test"),
        ("TWILIO_API_URL", "http://127.0.0.1.test"),
        ("FCM_API_URL", "http://fcm.test"),
        ("PUBLIC_URL", "ftp://somewhere"),
        ("PUBLIC_URL", "http://notices.test"),
        ("QUIET_HOURS", "21:00"),
        ("QUIET_HOURS", "21:00-25:00"),
        ("LEASE_S", "0"),
        ("PUSH_CONCURRENCY", "many"),
        ("SMS_CHUNK_SIZE", "501"),
        ("PUSH_RATE_PER_S", "0"),
        ("RESERVED_SHARE", "0.5"),
        ("OUTAGE_WINDOW_MAX_H", "0"),
    ],
)
def test_wrong_ones(environment, name, value):
    """A wrong value is refused with the variable's name, and not quoted."""
    environment(**{name: value})
    with pytest.raises(SettingsError) as refused:
        load(EveryPart)
    assert str(refused.value).startswith(f"GRIDCARE_{name}: ")
    assert "c2VjcmV0" not in str(refused.value)


@pytest.mark.parametrize("name", ["TWILIO_API_URL", "PUBLIC_URL"])
def test_development_goes_in_the_clear(environment, name):
    """Where a setting says so, Twilio is called and calls us over http; and on this machine, without saying so."""
    environment(**{name: "http://twilio.test", "ALLOW_PLAINTEXT": "true"})
    assert getattr(load(EveryPart), name.lower()) == "http://twilio.test"
    environment(**{name: "http://127.0.0.1:8080", "ALLOW_PLAINTEXT": "false"})
    assert getattr(load(EveryPart), name.lower()) == "http://127.0.0.1:8080"


def test_calls_end_within_leases(environment):
    """A call timeout that reaches beyond the lease is refused, also where only the lease is set."""
    environment(LEASE_S="10")
    with pytest.raises(SettingsError, match=r"GRIDCARE_CALL_TIMEOUT_S must be less than GRIDCARE_LEASE_S"):
        load(EveryPart)
