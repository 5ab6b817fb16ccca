"""The manifests set exactly the variables that the services' settings need and accept."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest
from deploy.k8s.house_rules import SHUTDOWN_GRACE_DEFAULT_S, Manifest, containers, environment, our_workloads

import billing_gateway.__main__
import outage_notifier.__main__
import repair_intake.__main__
from gridcare.errors import SettingsError
from gridcare.process.settings import PREFIX, ProcessSettings, Settings, load

SERVICES = {
    each.SERVICE.name: each.SERVICE.settings()
    for each in (outage_notifier.__main__, repair_intake.__main__, billing_gateway.__main__)
}
"""What each process and command of each service reads."""

GENERATED = 3
"""The password of PostgreSQL, a service account and a certificate: made for each clone, and worth nothing elsewhere."""

NO_SECRETS = {"GRIDCARE_KAFKA_USERNAME", "GRIDCARE_TWILIO_ACCOUNT_SID", "GRIDCARE_VNPAY_TMN_CODE"}
"""Names that a Secret holds beside what proves them."""

_OWNER = re.compile(r"-owner(-\w+)?'")
"""The name of a Secret of a database's owner; kustomize adds a hash of what it made itself."""


class Workload(NamedTuple):
    """A process or job in a cluster: what it reads, what it is given, and what of that comes from a Secret."""

    name: str
    service: str
    settings: type[Settings]
    variables: Mapping[str, str | None]
    from_secrets: set[str]


def _workloads(manifests: list[Manifest]) -> Iterator[Workload]:
    for name, template in our_workloads(manifests):
        service = template["metadata"]["labels"]["app.kubernetes.io/name"]
        (container,) = containers(template)
        (process,) = container["args"]
        from_secrets = {
            each["name"] for each in container.get("env", []) if "secretKeyRef" in each.get("valueFrom", {})
        }
        yield Workload(name, service, SERVICES[service][process], environment(manifests, container), from_secrets)


def _read_by(settings: type[Settings]) -> set[str]:
    return {PREFIX + name.upper() for name in settings.model_fields}


def _required(settings: type[Settings]) -> set[str]:
    return {PREFIX + name.upper() for name, field in settings.model_fields.items() if field.is_required()}


def test_required_variables_are_set(manifests: list[Manifest]):
    """Each process and job has every variable without a default, from a value or a Secret's key."""
    missing = {each.name: _required(each.settings) - each.variables.keys() for each in _workloads(manifests)}
    assert {name: names for name, names in missing.items() if names} == {}


def test_every_variable_is_read(manifests: list[Manifest]):
    """Each variable belongs to a setting of a process of the service; a misspelt one would be ignored silently."""
    unread = {
        each.name: each.variables.keys() - set().union(*map(_read_by, SERVICES[each.service].values()))
        for each in _workloads(manifests)
    }
    assert {name: names for name, names in unread.items() if names} == {}


def test_secrets_only_where_read(manifests: list[Manifest], prod: list[Manifest]):
    """Each process and job is given exactly the secrets that it reads, and none of its neighbours'."""
    in_the_clear = manifests[0]["metadata"].get("namespace", manifests[0]["metadata"]["name"]) == "gridcare-dev"
    logins = {"GRIDCARE_KAFKA_USERNAME", "GRIDCARE_KAFKA_PASSWORD"} if in_the_clear else set()
    for service in SERVICES:
        secrets = set().union(*(each.from_secrets for each in _workloads(prod) if each.service == service)) - logins
        for each in _workloads(manifests):
            if each.service == service:
                assert each.from_secrets == _read_by(each.settings) & secrets, each.name


def test_secrets_are_typed(prod: list[Manifest]):
    """What a Secret proves itself with is a secret in the settings too, so that it is shown nowhere."""
    secret = re.compile(r"\bSecretStr\b")
    for each in _workloads(prod):
        for variable in each.from_secrets - NO_SECRETS:
            field = each.settings.model_fields[variable.removeprefix(PREFIX).lower()]
            assert secret.search(repr(field.annotation)), variable


def test_settings_accept_every_environment(
    manifests: list[Manifest], dev: list[Manifest], monkeypatch: pytest.MonkeyPatch
):
    """The processes' settings load the rendered variables; development's Secrets stand in for external ones."""
    _forget_own(monkeypatch)
    secrets = {
        (each.settings, variable): value
        for each in _workloads(dev)
        for variable, value in each.variables.items()
        if value
    }
    login = {"GRIDCARE_KAFKA_USERNAME": "not-a-secret", "GRIDCARE_KAFKA_PASSWORD": "not-a-secret"}  # dev has none
    for name in ("GRIDCARE_DATABASE_URL", "GRIDCARE_DATABASE_OWNER_URL"):
        login[name] = "postgresql://u:not-a-secret@db.example/x?sslmode=verify-full"  # dev's are in the clear
    for _, _, settings, variables, _ in _workloads(manifests):
        with monkeypatch.context() as surrounding:
            for variable, value in variables.items():
                given = login.get(variable) or secrets[settings, variable] if value is None else value
                surrounding.setenv(variable, given)
            read = load(settings)
        for variable, value in variables.items():
            taken = getattr(read, variable.removeprefix(PREFIX).lower(), None)
            if value is not None and isinstance(taken, str):
                assert taken == value


def test_production_speaks_https(staging: list[Manifest], prod: list[Manifest], monkeypatch: pytest.MonkeyPatch):
    """Staging and production are given https addresses alone, and no process of theirs starts with one of plain http."""
    _forget_own(monkeypatch)
    tried = set()
    for each in (*_workloads(staging), *_workloads(prod)):
        for variable, value in each.variables.items():
            if value is None or "//" not in value or variable not in _read_by(each.settings):
                continue
            assert value.startswith("https://"), (each.name, variable)
            with monkeypatch.context() as surrounding:
                for name, given in {**each.variables, variable: value.replace("https:", "http:", 1)}.items():
                    if given is not None:
                        surrounding.setenv(name, given)
                with pytest.raises(SettingsError, match=f"{variable}: .*must be https"):
                    load(each.settings)
            tried.add(variable.removeprefix(PREFIX))
    assert tried == {"OIDC_ISSUER", "PUBLIC_URL", "VNPAY_PAY_URL", "VNPAY_RETURN_URL", "VNPAY_QUERY_URL"}


def test_owners_migrate_only(manifests: list[Manifest]):
    """The job migrate has the address of the database's owner, from a Secret of its own; nothing else refers to either."""
    workloads = list(_workloads(manifests))
    with_owner = {each.name for each in workloads if "GRIDCARE_DATABASE_OWNER_URL" in each.variables}
    naming_it = {name for name, template in our_workloads(manifests) if _OWNER.search(str(template))}
    assert with_owner == naming_it == {each.name for each in workloads if each.name.endswith("-migrate")}


def test_production_accepts_suspended_money(prod: list[Manifest]):
    """The answers for VNPay's acceptance test are off in production, and every process is told so."""
    answers = {
        each.variables.get("GRIDCARE_VNPAY_ACCEPTANCE_ANSWERS")
        for each in _workloads(prod)
        if "vnpay_acceptance_answers" in each.settings.model_fields
    }
    assert answers == {"false"}


def test_a_missing_setting_is_caught(prod: list[Manifest], monkeypatch: pytest.MonkeyPatch):
    """A required variable that is removed from the manifests is reported as missing, where it is read."""
    _forget_own(monkeypatch)
    for manifest in prod:
        if manifest["kind"] == "ConfigMap" and manifest["metadata"]["name"].startswith("repair-intake"):
            del manifest["data"]["GRIDCARE_OIDC_ISSUER"]
    missing = {each.name for each in _workloads(prod) if _required(each.settings) - each.variables.keys()}
    assert missing == {"Deployment/repair-intake-api"}
    with pytest.raises(SettingsError, match="GRIDCARE_OIDC_ISSUER: is not set"):
        load(SERVICES["repair-intake"]["api"])


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
    assert len(secrets) == 2 * len(SERVICES) + GENERATED
    for _, _, _, variables, _ in _workloads(dev):
        assert ":not-a-secret@" in (variables.get("GRIDCARE_DATABASE_URL", ":not-a-secret@") or "")
        assert variables.get("GRIDCARE_TWILIO_AUTH_TOKEN", "not-a-secret") == "not-a-secret"
        assert variables.get("GRIDCARE_VNPAY_HASH_SECRET", "not-a-secret") == "not-a-secret"


def test_the_grace_default_matches():
    """The default grace in the house rules is the one in the services' settings."""
    assert ProcessSettings.model_fields["shutdown_grace_s"].default == SHUTDOWN_GRACE_DEFAULT_S


def _forget_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in set().union(*(_read_by(each) for of in SERVICES.values() for each in of.values())):
        monkeypatch.delenv(variable, raising=False)
