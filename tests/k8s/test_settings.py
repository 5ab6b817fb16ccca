"""The manifests set exactly the variables that the services' settings need and accept."""

from collections.abc import Iterator, Mapping

import pytest
from deploy.k8s.house_rules import SHUTDOWN_GRACE_DEFAULT_S, Manifest, containers, environment, our_workloads

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


GENERATED = 3
"""The password of PostgreSQL, a service account and a certificate: made for each clone, and worth nothing elsewhere."""


def _environments(manifests: list[Manifest]) -> Iterator[tuple[str, type[ServiceSettings], Mapping[str, str | None]]]:
    for name, template in our_workloads(manifests):
        settings = SETTINGS[template["metadata"]["labels"]["app.kubernetes.io/name"]]
        for container in containers(template):
            yield name, settings, environment(manifests, container)


def _required(settings: type[ServiceSettings]) -> set[str]:
    return {PREFIX + name.upper() for name, field in settings.model_fields.items() if field.is_required()}


def test_required_variables_are_set(manifests: list[Manifest]):
    """Each process and job has every variable without a default, from a value or a Secret's key."""
    missing = {name: _required(settings) - variables.keys() for name, settings, variables in _environments(manifests)}
    assert {name: names for name, names in missing.items() if names} == {}


def test_every_variable_is_read(manifests: list[Manifest]):
    """Each variable belongs to a setting; a misspelt one would be ignored silently."""
    unread = {
        name: {variable for variable in variables if variable.removeprefix(PREFIX).lower() not in settings.model_fields}
        for name, settings, variables in _environments(manifests)
    }
    assert {name: names for name, names in unread.items() if names} == {}


def test_settings_accept_every_environment(
    manifests: list[Manifest], dev: list[Manifest], monkeypatch: pytest.MonkeyPatch
):
    """The services' settings load the rendered variables; development's Secrets stand in for external ones."""
    _forget_own(monkeypatch)
    secrets = {
        (settings, variable): value
        for _, settings, variables in _environments(dev)
        for variable, value in variables.items()
        if value
    }
    login = {"GRIDCARE_KAFKA_USERNAME": "not-a-secret", "GRIDCARE_KAFKA_PASSWORD": "not-a-secret"}  # dev has none
    login["GRIDCARE_DATABASE_URL"] = (
        "postgresql://u:not-a-secret@db.example/x?sslmode=verify-full"  # dev's is in the clear
    )
    for _, settings, variables in _environments(manifests):
        with monkeypatch.context() as surrounding:
            for variable, value in variables.items():
                given = login.get(variable) or secrets[settings, variable] if value is None else value
                surrounding.setenv(variable, given)
            read = load(settings)
        for variable, value in variables.items():
            if value is not None and isinstance(taken := getattr(read, variable.removeprefix(PREFIX).lower()), str):
                assert taken == value


def test_production_accepts_suspended_money(prod: list[Manifest]):
    """The answers for VNPay's acceptance test are off in production, and every process is told so."""
    answers = {
        variables.get("GRIDCARE_VNPAY_ACCEPTANCE_ANSWERS")
        for _, settings, variables in _environments(prod)
        if settings is billing_gateway.settings.Settings
    }
    assert answers == {"false"}


def test_a_missing_setting_is_caught(prod: list[Manifest], monkeypatch: pytest.MonkeyPatch):
    """A required variable that is removed from the manifests is reported as missing."""
    _forget_own(monkeypatch)
    for manifest in prod:
        if manifest["kind"] == "ConfigMap" and manifest["metadata"]["name"].startswith("repair-intake"):
            del manifest["data"]["GRIDCARE_OIDC_ISSUER"]
    missing = {name for name, settings, variables in _environments(prod) if _required(settings) - variables.keys()}
    assert missing == {
        *(f"Deployment/repair-intake-{process}" for process in ("api", "consumer", "relay", "worker")),
        "Job/repair-intake-migrate",
        "Job/repair-intake-topics",
    }
    with pytest.raises(SettingsError, match="GRIDCARE_OIDC_ISSUER: is not set"):
        load(repair_intake.settings.Settings)


def test_real_secrets_come_from_outside(staging: list[Manifest], prod: list[Manifest]):
    """Staging and production render no Secret and put no secret into a ConfigMap."""
    for manifests in (staging, prod):
        assert [manifest for manifest in manifests if manifest["kind"] == "Secret"] == []
        for manifest in manifests:
            if manifest["kind"] == "ConfigMap":
                assert not {"GRIDCARE_DATABASE_URL", "GRIDCARE_CONTACT_KEYS"} & manifest["data"].keys()


def test_development_secrets_look_false(dev: list[Manifest]):
    """Development's secrets say that they are none, so nobody takes them for real ones."""
    secrets = [manifest for manifest in dev if manifest["kind"] == "Secret"]
    assert len(secrets) == len(SETTINGS) + GENERATED
    for _, _, variables in _environments(dev):
        assert ":not-a-secret@" in (variables["GRIDCARE_DATABASE_URL"] or "")
        assert variables.get("GRIDCARE_TWILIO_AUTH_TOKEN", "not-a-secret") == "not-a-secret"
        assert variables.get("GRIDCARE_VNPAY_HASH_SECRET", "not-a-secret") == "not-a-secret"


def test_the_grace_default_matches():
    """The default grace in the house rules is the one in the services' settings."""
    assert ServiceSettings.model_fields["shutdown_grace_s"].default == SHUTDOWN_GRACE_DEFAULT_S


def _forget_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for settings in SETTINGS.values():
        for field in settings.model_fields:
            monkeypatch.delenv(PREFIX + field.upper(), raising=False)
