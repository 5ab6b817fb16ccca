"""`make k8s-render` renders complete manifests and reports faulty ones."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from deploy.k8s import render
from deploy.k8s.house_rules import Manifest, containers, our_workloads, workloads

SERVICES = {
    "outage-notifier": {"api", "consumer", "planner", "sender", "worker", "relay"},
    "repair-intake": {"api", "consumer", "worker", "relay"},
    "billing-gateway": {"api", "consumer", "worker", "relay"},
}
"""The processes of each service, without `migrate` and `topics`, which are jobs."""


def test_all_folders_are_known():
    """The overlays and scenarios that are rendered are exactly the expected ones."""
    assert [folder.name for folder in render.overlays()] == ["dev", "prod", "staging"]
    assert {folder.name for folder in render.scenarios()} == {
        *(f"{name}-alone" for name in SERVICES),
        "every-component",
    }


def test_every_folder_is_valid(manifests: list[Manifest]):
    """No rendered manifest breaks the API's schema or a house rule."""
    assert render.schema_faults(manifests) == []
    assert render.house_faults(manifests) == []


def test_checks_are_valid():
    """The jobs of `make cluster-check` fit the API's schema and the house rules."""
    manifests = render.render(render.HERE / "checks")
    assert [manifest["metadata"]["name"] for manifest in manifests] == ["main-job", "restarts"]
    assert render.schema_faults(manifests) == []
    assert render.house_faults(manifests) == []


def test_servers_stay_in_development(staging: list[Manifest], prod: list[Manifest]):
    """Staging and production bring neither servers nor emulators along."""
    for manifests in (staging, prod):
        assert [name for name, _ in workloads(manifests)] == [name for name, _ in our_workloads(manifests)]


def test_production_images_have_digests(prod: list[Manifest]):
    """Production names its images by digest: a tag can be moved after it was tested."""
    images = {each["image"] for _, template in workloads(prod) for each in containers(template)}
    assert len(images) == len(SERVICES)
    assert all("@sha256:" in image for image in images)


def test_deployments_match_processes(prod: list[Manifest]):
    """Each process has one Deployment with one argument, and each service has its two jobs."""
    processes: dict[str, set[str]] = {}
    jobs: dict[str, set[str]] = {}
    for manifest in prod:
        if manifest["kind"] not in {"Deployment", "Job"}:
            continue
        (container,) = containers(manifest["spec"]["template"])
        (argument,) = container["args"]
        service = manifest["metadata"]["labels"]["app.kubernetes.io/name"]
        assert manifest["metadata"]["name"] == f"{service}-{argument}"
        (processes if manifest["kind"] == "Deployment" else jobs).setdefault(service, set()).add(argument)
    assert processes == SERVICES
    assert jobs == {name: {"migrate", "topics"} for name in SERVICES}


def test_environments_have_one_namespace(manifests: list[Manifest]):
    """Every manifest names the one namespace of its environment, so kubectl's current context does not matter."""
    namespaces = {manifest["metadata"].get("namespace") for manifest in manifests if manifest["kind"] != "Namespace"}
    assert len(namespaces) == 1
    assert None not in namespaces


def test_new_settings_restart_pods(dev: list[Manifest], prod: list[Manifest]):
    """The names of generated ConfigMaps contain a hash of their content, so pods are replaced when settings change."""
    sources = [
        {
            each["configMapRef"]["name"]
            for _, template in our_workloads(part)
            for each in containers(template)[0]["envFrom"]
        }
        for part in (dev, prod)
    ]
    assert not sources[0] & sources[1]


Break = Callable[[Manifest], object]


def _container(deployment: Manifest) -> Manifest:
    container: Manifest = deployment["spec"]["template"]["spec"]["containers"][0]
    return container


INVALID: dict[str, tuple[Break, str]] = {
    "an unknown field": (lambda one: _container(one).update(imagePullPolice="Always"), "imagePullPolice"),
    "a wrong type": (lambda one: one["spec"].update(replicas="two"), "'two' is not of type"),
    "an unknown kind": (lambda one: one.update(kind="Deploymnet"), "no such kind"),
    "a missing field": (lambda one: one["spec"].pop("selector"), "'selector' is a required property"),
}
AGAINST_THE_HOUSE: dict[str, tuple[Break, str]] = {
    "no tag": (lambda one: _container(one).update(image="gridcare/x"), "names no release"),
    "the newest image": (lambda one: _container(one).update(image="host:5000/x:latest"), "names no release"),
    "a container that may become root": (
        lambda one: _container(one)["securityContext"].update(allowPrivilegeEscalation=True),
        "app: wants",
    ),
    "a first container that nobody hardened": (
        lambda one: one["spec"]["template"]["spec"].update(initContainers=[{"name": "first", "image": "x:1"}]),
        "first: wants",
    ),
    "a pod without a seccomp profile": (
        lambda one: one["spec"]["template"]["spec"]["securityContext"].pop("seccompProfile"),
        "seccomp",
    ),
    "the root user": (
        lambda one: one["spec"]["template"]["spec"]["securityContext"].update(runAsUser=0),
        "user or group of the system",
    ),
    "a mounted token": (
        lambda one: one["spec"]["template"]["spec"].pop("automountServiceAccountToken"),
        "automountServiceAccountToken",
    ),
    "nowhere to write": (lambda one: _container(one)["volumeMounts"].clear(), "no emptyDir at /tmp"),
    "unbounded memory": (lambda one: _container(one)["resources"].pop("limits"), "not bounded"),
    "liveness that asks readiness": (
        lambda one: _container(one)["livenessProbe"]["httpGet"].update(path="/readyz"),
        "probes are",
    ),
    "a probe on another port": (
        lambda one: _container(one)["startupProbe"]["httpGet"].update(port="http"),
        "not on the health port",
    ),
    "a grace that is too short": (
        lambda one: one["spec"]["template"]["spec"].update(terminationGracePeriodSeconds=25),
        "is killed before its grace",
    ),
    "no pause before the stop": (lambda one: _container(one).pop("lifecycle"), "stops listening"),
    "a port that the service does not find": (lambda one: _container(one)["ports"].pop(), "has no port"),
    "a selector of other pods": (
        lambda one: one["spec"]["selector"]["matchLabels"].pop("app.kubernetes.io/component"),
        "selects [",
    ),
    "another release than its jobs": (lambda one: _container(one).update(image="gridcare/x:0.0.9"), "different images"),
}


def _api(manifests: list[Manifest]) -> Manifest:
    (api,) = [
        one for one in manifests if one["metadata"]["name"] == "billing-gateway-api" and one["kind"] == "Deployment"
    ]
    return api


@pytest.mark.parametrize(("spoil", "message"), INVALID.values(), ids=INVALID.keys())
def test_an_invalid_deployment_is_caught(spoil: Break, message: str, prod: list[Manifest]):
    """A fault that the API would reject or silently drop is reported with its manifest."""
    api = _api(prod)
    spoil(api)
    (fault,) = render.schema_faults([api])
    assert message in fault
    assert "billing-gateway-api" in fault


@pytest.mark.parametrize(("spoil", "message"), AGAINST_THE_HOUSE.values(), ids=AGAINST_THE_HOUSE.keys())
def test_a_careless_deployment_is_caught(spoil: Break, message: str, prod: list[Manifest]):
    """A fault that only the house rules forbid is reported with its manifest."""
    spoil(_api(prod))
    faults = render.house_faults(prod)
    assert any(message in line for line in faults), faults
    assert all("billing-gateway" in line for line in faults), faults


def test_missing_migrate_jobs_are_caught(prod: list[Manifest]):
    """A service without its migrate job does not render."""
    left = [manifest for manifest in prod if manifest["metadata"]["name"] != "repair-intake-migrate"]
    assert render.house_faults(left) == ["repair-intake: has no job ['migrate']"]


def test_idle_policies_are_caught(prod: list[Manifest]):
    """A network policy that selects no pod, as after a label was renamed in one place only, does not render."""
    for manifest in prod:
        if manifest["metadata"]["name"] == "http-in":
            manifest["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] = "web"
    assert render.house_faults(prod) == ["NetworkPolicy/http-in: selects no pod"]


def test_kustomize_errors_are_raised(tmp_path: Path):
    """An overlay that names a missing file raises an error instead of rendering half of it."""
    (tmp_path / "kustomization.yaml").write_text("resources: [missing.yaml]\n")
    with pytest.raises(render.RenderError, match=r"missing\.yaml"):
        render.rendered(tmp_path)


def test_broken_overlays_are_refused(tmp_path: Path):
    """An overlay with a fault is not written; the error names the fault."""
    (tmp_path / "kustomization.yaml").write_text("resources: [service.yaml]\n")
    (tmp_path / "service.yaml").write_text(
        yaml.safe_dump({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"port": 80}})
    )
    with pytest.raises(render.RenderError, match=r"Service x: .*'port' was unexpected"):
        render.rendered(tmp_path)


def test_an_overlay_is_printed(capsys: pytest.CaptureFixture[str]):
    """`make k8s-render OVERLAY=staging | kubectl diff -f -` is a pipe of manifests and nothing else."""
    assert render.main(["staging"]) == 0
    printed = list(yaml.safe_load_all(capsys.readouterr().out))
    assert {manifest["metadata"].get("namespace", "gridcare-staging") for manifest in printed} == {"gridcare-staging"}


def test_an_unknown_overlay_is_refused(capsys: pytest.CaptureFixture[str]):
    """Ops is message what there is."""
    assert render.main(["production"]) == 2
    assert capsys.readouterr().err == "no overlay production; there are: dev prod staging\n"


def test_processes_are_written_last(tmp_path: Path, prod: list[Manifest]):
    """Jobs are in the first file, and the processes that need their results in the second."""
    render.write(render.HERE / "overlays" / "prod", prod, out=tmp_path)
    first, second = (
        [manifest["kind"] for manifest in yaml.safe_load_all((tmp_path / "prod" / name).read_text())]
        for name in ("1-before.yaml", "2-processes.yaml")
    )
    assert first.count("Job") == 6
    assert "Deployment" not in first
    assert set(second) == {"Deployment", "PodDisruptionBudget"}
    assert len(first) + len(second) == len(prod)
