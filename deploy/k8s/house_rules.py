# ruff: noqa: INP001 - it lies next to the script that uses it, which is not in a package
"""Gridcare's own rules for its manifests, stricter than the API's schema. Each rule yields a line for each fault."""

from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

Manifest = dict[str, Any]
Rule = Callable[[Sequence[Manifest]], Iterator[str]]

PROBES: Final = {"startupProbe": "/startupz", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
RESTRICTED: Final[Manifest] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
POD: Final[Manifest] = {"automountServiceAccountToken": False, "enableServiceLinks": False}
SECCOMP: Final = {"type": "RuntimeDefault"}
PRODUCT: Final = "gridcare"
UID_MIN: Final = 10_000
"""Lower user ids belong to accounts of the system on many nodes."""

SHUTDOWN_GRACE_DEFAULT_S: Final = 20
"""The default in gridcare.process.settings; a test compares the two."""


def name_of(manifest: Manifest) -> str:
    """Return a manifest's name as kubectl writes it: `Kind/name`."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def workloads(manifests: Sequence[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Yield the name and the pod template of each manifest that creates pods."""
    for manifest in manifests:
        if "template" in manifest.get("spec", {}):
            yield name_of(manifest), manifest["spec"]["template"]


def our_workloads(manifests: Sequence[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Yield the workloads of Gridcare's services, without the servers that an environment brings along."""
    for name, template in workloads(manifests):
        if template["metadata"]["labels"].get("app.kubernetes.io/part-of") == PRODUCT:
            yield name, template


def containers(template: Manifest) -> list[Manifest]:
    """Return all containers of a pod template, init containers included."""
    spec = template["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


def environment(manifests: Sequence[Manifest], container: Manifest) -> dict[str, str | None]:
    """Return the variables of a container, with None for a value in a Secret that is not among the manifests.

    A variable from an `optional` key is left out if the key does not exist.
    """
    variables: dict[str, str | None] = {}
    for source in container.get("envFrom", []):
        variables |= _data(manifests, "ConfigMap", source["configMapRef"]["name"]) or {}
    for variable in container.get("env", []):
        secret = variable.get("valueFrom", {}).get("secretKeyRef")
        if secret is None:
            variables[variable["name"]] = variable.get("value")
            continue
        held = _data(manifests, "Secret", secret["name"])
        if held is not None and secret["key"] in held:
            variables[variable["name"]] = held[secret["key"]]
        elif held is None and not secret.get("optional"):
            variables[variable["name"]] = None
    return variables


def _data(manifests: Sequence[Manifest], kind: str, name: str) -> dict[str, str] | None:
    for manifest in manifests:
        if manifest["kind"] == kind and manifest["metadata"]["name"] == name:
            data: dict[str, str] = manifest.get("data", {})
            return {key: b64decode(value).decode() for key, value in data.items()} if kind == "Secret" else data
    return None


def images_are_pinned(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Check that each image has a tag other than `latest`, or a digest."""
    for name, template in workloads(manifests):
        for container in containers(template):
            image = container["image"]
            tag = image.rpartition("/")[2].partition(":")[2]
            if "@sha256:" not in image and tag in {"", "latest"}:
                yield f"{name} {container['name']}: image {image} names no release"


def pods_are_hardened(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Check that every container, init containers included, is restricted and can write only to /tmp."""
    for name, template in workloads(manifests):
        spec, context = template["spec"], template["spec"].get("securityContext", {})
        if not _holds(spec, POD):
            yield f"{name}: wants {POD}"
        if context.get("runAsNonRoot") is not True or context.get("seccompProfile") != SECCOMP:
            yield f"{name}: wants runAsNonRoot and seccomp RuntimeDefault"
        if not all(context.get(field, 0) >= UID_MIN for field in ("runAsUser", "runAsGroup")):
            yield f"{name}: runs as a user or group of the system"
        scratch = {volume["name"] for volume in spec.get("volumes", []) if "emptyDir" in volume}
        for container in containers(template):
            if not _holds(container.get("securityContext", {}), RESTRICTED):
                yield f"{name} {container['name']}: wants {RESTRICTED}"
            mounts = {mount["mountPath"]: mount["name"] for mount in container.get("volumeMounts", [])}
            if mounts.get("/tmp") not in scratch:  # noqa: S108 - a pod's own
                yield f"{name} {container['name']}: has no emptyDir at /tmp"


def resources_are_bounded(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Check that containers request CPU and memory and limit memory. With limited CPU, processes miss their leases."""
    for name, template in workloads(manifests):
        for container in containers(template):
            resources = container.get("resources", {})
            if not {"cpu", "memory"} <= resources.get("requests", {}).keys() or "memory" not in resources.get(
                "limits", {}
            ):
                yield f"{name} {container['name']}: resources are not bounded"


def probes_are_split(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Check that startup, liveness and readiness are probed at three paths on the health port."""
    for name, template in _deployments(manifests):
        for container in template["spec"]["containers"]:
            requests = {probe: container.get(probe, {}).get("httpGet", {}) for probe in PROBES}
            if {probe: each.get("path") for probe, each in requests.items()} != PROBES:
                yield f"{name} {container['name']}: probes are {[each.get('path') for each in requests.values()]}"
            if {each.get("port") for each in requests.values()} != {"health"}:
                yield f"{name} {container['name']}: probes are not on the health port"


def processes_may_drain(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Check that a pod has time for its preStop and its own grace, and that an api waits before it stops listening."""
    for name, template in _deployments(manifests):
        container = template["spec"]["containers"][0]
        grace = environment(manifests, container).get("GRIDCARE_SHUTDOWN_GRACE_S")
        grace_s = float(grace) if grace else SHUTDOWN_GRACE_DEFAULT_S
        pause_s = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if template["spec"].get("terminationGracePeriodSeconds", 30) <= pause_s + grace_s:
            yield f"{name}: is killed before its grace of {grace_s:g} s is over"
        serves = any(port["name"] == "http" for port in container.get("ports", []))
        if serves and not pause_s:
            yield f"{name}: stops listening before proxies have heard of it"


def selectors_match(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Check that Deployments select only their own pods, and that other selectors find pods with the named ports."""
    pods = [(name, template["metadata"]["labels"], template) for name, template in workloads(manifests)]
    for manifest in manifests:
        selector, name = _selector(manifest), name_of(manifest)
        if selector is None:
            continue
        chosen = [(pod, template) for pod, labels, template in pods if selects(selector, labels)]
        if not chosen:
            yield f"{name}: selects no pod"
        if manifest["kind"] == "Deployment" and [pod for pod, _ in chosen] != [name]:
            yield f"{name}: selects {[pod for pod, _ in chosen]}"
        if manifest["kind"] == "Service":
            wanted = {port["targetPort"] for port in manifest["spec"]["ports"]}
            for pod, template in chosen:
                if not wanted <= {port["name"] for each in containers(template) for port in each.get("ports", [])}:
                    yield f"{name}: {pod} has no port {sorted(wanted)}"


def services_are_migrated(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Check that each service has the jobs of a release, with the same image as its processes."""
    services: dict[str, dict[str, set[str]]] = {}
    for _, template in our_workloads(manifests):
        labels = template["metadata"]["labels"]
        by_component = services.setdefault(labels["app.kubernetes.io/name"], {})
        by_component[labels["app.kubernetes.io/component"]] = {each["image"] for each in containers(template)}
    for service, by_component in services.items():
        missing = {"migrate", "topics"} - by_component.keys()
        if missing:
            yield f"{service}: has no job {sorted(missing)}"
        if len(set().union(*by_component.values())) != 1:
            yield f"{service}: its processes and jobs run different images"


RULES: Final[tuple[Rule, ...]] = (
    images_are_pinned,
    pods_are_hardened,
    resources_are_bounded,
    probes_are_split,
    processes_may_drain,
    selectors_match,
    services_are_migrated,
)


def _deployments(manifests: Sequence[Manifest]) -> Iterator[tuple[str, Manifest]]:
    yield from workloads([manifest for manifest in manifests if manifest["kind"] == "Deployment"])


def _holds(value: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(value.get(field) == each for field, each in wanted.items())


def _selector(manifest: Manifest) -> Manifest | None:
    """Return a manifest's pod selector in its long form, or None if it has none."""
    spec = manifest.get("spec", {})
    if manifest["kind"] == "Service":
        return {"matchLabels": spec["selector"]}
    selector: Manifest | None = spec["podSelector"] if manifest["kind"] == "NetworkPolicy" else spec.get("selector")
    return selector


def selects(selector: Manifest, labels: Mapping[str, str]) -> bool:
    """Return whether a selector chooses pods with these labels."""
    if not _holds(labels, selector.get("matchLabels", {})):
        return False
    for wanted in selector.get("matchExpressions", []):
        if wanted["operator"] != "In" or labels.get(wanted["key"]) not in wanted["values"]:
            return False
    return True
