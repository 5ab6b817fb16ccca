"""What the manifests tell a process is what its settings want: nothing missing, nothing unheard of, nothing refused."""

from collections.abc import Iterator, Mapping

import pytest
from deploy.k8s.house_rules import SHUTDOWN_GRACE_DEFAULT_S, Manifest, containers, environment, workloads

import billing_gateway.settings
import outage_notifier.settings
import repair_intake.settings
from gridcare.errors import SettingsError
from gridcare.process.settings import PREFIX, ServiceSettings, load

SETTINGS: dict[str, type[ServiceSettings]] = {
    "outage-notifier": outage_notifier.settings.Settings,
    "repair-intake": repair_intake.settings.Settings,
    "billing-gateway": billing_gateway.settings.Settings,
}


def _told(manifests: list[Manifest]) -> Iterator[tuple[str, type[ServiceSettings], Mapping[str, str | None]]]:
    for name, template in workloads(manifests):
        settings = SETTINGS[template["metadata"]["labels"]["app.kubernetes.io/name"]]
        for container in containers(template):
            yield name, settings, environment(manifests, container)


def _required(settings: type[ServiceSettings]) -> set[str]:
    return {PREFIX + name.upper() for name, field in settings.model_fields.items() if field.is_required()}


def test_every_process_is_told_what_it_needs(manifests: list[Manifest]):
    """A variable without a default is in the environment of each process and job, by a value or a Secret's key."""
    missing = {name: _required(settings) - told.keys() for name, settings, told in _told(manifests)}
    assert {name: variables for name, variables in missing.items() if variables} == {}


def test_no_process_is_told_what_no_setting_reads(manifests: list[Manifest]):
    """A misspelt variable would be ignored without a word."""
    unread = {
        name: {variable for variable in told if variable.removeprefix(PREFIX).lower() not in settings.model_fields}
        for name, settings, told in _told(manifests)
    }
    assert {name: variables for name, variables in unread.items() if variables} == {}


def test_the_settings_take_every_environment(
    manifests: list[Manifest], dev: list[Manifest], monkeypatch: pytest.MonkeyPatch
):
    """The services' own settings read what is rendered; where a Secret comes from outside, development's stands in."""
    _forget_own(monkeypatch)
    secrets = {
        (settings, variable): value for _, settings, told in _told(dev) for variable, value in told.items() if value
    }
    for _, settings, told in _told(manifests):
        with monkeypatch.context() as surrounding:
            for variable, value in told.items():
                surrounding.setenv(variable, secrets[settings, variable] if value is None else value)
            read = load(settings)
        for variable, value in told.items():
            if value is not None and isinstance(taken := getattr(read, variable.removeprefix(PREFIX).lower()), str):
                assert taken == value


def test_a_missing_setting_is_caught(prod: list[Manifest], monkeypatch: pytest.MonkeyPatch):
    """The comparison sees a variable that was taken away."""
    _forget_own(monkeypatch)
    for manifest in prod:
        if manifest["kind"] == "ConfigMap" and manifest["metadata"]["name"].startswith("repair-intake"):
            del manifest["data"]["GRIDCARE_OIDC_ISSUER"]
    missing = {name for name, settings, told in _told(prod) if _required(settings) - told.keys()}
    assert missing == {
        *(f"Deployment/repair-intake-{process}" for process in ("api", "consumer", "relay", "worker")),
        "Job/repair-intake-migrate",
        "Job/repair-intake-topics",
    }
    with pytest.raises(SettingsError, match="GRIDCARE_OIDC_ISSUER: is not set"):
        load(repair_intake.settings.Settings)


def test_no_secret_is_in_an_environment_that_matters(staging: list[Manifest], prod: list[Manifest]):
    """Secrets of staging and production come from outside: none is rendered, none is in a ConfigMap."""
    for manifests in (staging, prod):
        assert [manifest for manifest in manifests if manifest["kind"] == "Secret"] == []
        for manifest in manifests:
            if manifest["kind"] == "ConfigMap":
                assert not {"GRIDCARE_DATABASE_URL", "GRIDCARE_CONTACT_KEYS"} & manifest["data"].keys()


def test_secrets_of_development_are_seen_to_be_false(dev: list[Manifest]):
    """Nobody may take them for real ones, or use them as such."""
    secrets = [manifest for manifest in dev if manifest["kind"] == "Secret"]
    assert len(secrets) == len(SETTINGS)
    for _, _, told in _told(dev):
        assert ":not-a-secret@" in (told["GRIDCARE_DATABASE_URL"] or "")
        assert told.get("GRIDCARE_TWILIO_AUTH_TOKEN", "not-a-secret") == "not-a-secret"
        assert told.get("GRIDCARE_VNPAY_HASH_SECRET", "not-a-secret") == "not-a-secret"


def test_the_grace_that_the_rules_assume_is_the_settings():
    """A rule of the house speaks of a default that lives elsewhere."""
    assert ServiceSettings.model_fields["shutdown_grace_s"].default == SHUTDOWN_GRACE_DEFAULT_S


def _forget_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for settings in SETTINGS.values():
        for field in settings.model_fields:
            monkeypatch.delenv(PREFIX + field.upper(), raising=False)
