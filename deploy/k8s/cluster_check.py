# ruff: noqa: INP001 - it lies next to the script that it uses, which is not in a package
"""Try the overlay dev on a real cluster, from images to tear-down: `make cluster-check KUBECONFIG=… LOAD='…'`.

LOAD is a shell command that makes the image archive on its standard input (as `docker save` writes it) known to the cluster's
nodes. Nothing outside the cluster, Docker and that command is called. Exits with 1 at the first step that fails, after showing
what the cluster says of it.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import yaml
from deploy.k8s import render
from deploy.k8s.house_rules import PRODUCT, Manifest

NAMESPACE: Final = "gridcare-dev"
CHECKS: Final = render.HERE / "checks"
TAG: Final = "dev"
IMAGES: Final = [
    f"gridcare/{name}:{TAG}" for name in ("outage-notifier", "repair-intake", "billing-gateway", "local-stack")
]
JOB_TIMEOUT_S: Final = 1_800
ROLL_TIMEOUT_S: Final = 900
LOOK_INTERVAL_S: Final = 2.0
LOG_LINES: Final = 40
OURS: Final = f"app.kubernetes.io/part-of={PRODUCT}"
KILLED: Final = "app.kubernetes.io/name=outage-notifier,app.kubernetes.io/component=sender"


class CheckError(Exception):
    """A step did not do what it should."""


def build_and_load(load: str) -> None:
    """Build the images with Docker and hand them to the cluster."""
    base = ("BASE=" + os.environ["BASE"],) if os.environ.get("BASE") else ()
    arguments = os.environ.get("BUILD_ARGS", "")
    _run("make", "images", f"IMAGE_TAG={TAG}", f"BUILD_ARGS={arguments}", *base)
    options = [*arguments.split(), *(("--build-arg", base[0]) if base else ())]
    _run(sys.executable, "local/images/stack/build.py", TAG, *options)
    with tempfile.TemporaryFile() as archive:
        save = ["docker", "save", *IMAGES]
        subprocess.run(save, stdout=archive, check=True)  # noqa: S603 - our own arguments
        archive.seek(0)
        subprocess.run(load, shell=True, stdin=archive, check=True, cwd=render.ROOT)  # noqa: S602 - what the caller wants


def apply_overlay() -> None:
    """Apply the overlay as docs/operations.md says: settings, servers and jobs, then the processes. Wait for each."""
    manifests = render.rendered(render.HERE / "overlays" / "dev")
    _apply([manifest for manifest in manifests if manifest["kind"] not in render.SECOND])
    servers = [manifest["metadata"]["name"] for manifest in manifests if manifest["kind"] == "StatefulSet"]
    for name in servers:
        _kubectl("rollout", "status", f"statefulset/{name}", f"--timeout={ROLL_TIMEOUT_S}s")
    _kubectl(
        "wait",
        "--for=condition=complete",
        f"--timeout={ROLL_TIMEOUT_S}s",
        "job",
        "-l",
        "app.kubernetes.io/part-of=gridcare",
    )
    _apply([manifest for manifest in manifests if manifest["kind"] in render.SECOND])
    _rolled_out()


def run_main_job() -> None:
    """Run the main job in the cluster: a town told of a cut, its books balanced."""
    _start("main-job")
    _finish("main-job")


def restart_under_load() -> None:
    """Restart everything and kill a pod while tickets are opened and cuts published; nothing may be lost or sent twice."""
    _start("restarts")
    _until("the load", lambda: "under load" in _log("restarts"))
    _kubectl("rollout", "restart", "deployment", "-l", OURS)
    _rolled_out()
    before = _kubectl("get", "pod", "-l", KILLED, "-o", "name").split()
    # one that the roll-out replaced may go away before it is named here
    _kubectl("delete", *before, "--grace-period=0", "--force", "--wait=false", "--ignore-not-found")
    _rolled_out()
    _until(
        "another sender", lambda: bool(set(_kubectl("get", "pod", "-l", KILLED, "-o", "name").split()) - set(before))
    )
    _kubectl("exec", "job/restarts", "--", "touch", "/tmp/enough")  # noqa: S108 - the pod's own
    _finish("restarts")


def no_pod_restarted() -> None:
    """Check that no container ever crashed: who starts before its servers waits."""
    pods = yaml.safe_load(_kubectl("get", "pod", "-l", OURS, "-o", "yaml"))["items"]
    crashed = {
        pod["metadata"]["name"]: status["restartCount"]
        for pod in pods
        for status in pod["status"].get("containerStatuses", ())
        if status["restartCount"]
    }
    if crashed:
        raise CheckError(f"containers were restarted: {crashed}")


def tear_down() -> None:
    """Delete the namespace and all that is in it."""
    _kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=180s")


def _start(job: str) -> None:
    manifests = render.render(CHECKS)
    faults = render.schema_faults(manifests) or render.house_faults(manifests)
    if faults:
        raise CheckError("\n".join(faults))
    _kubectl("delete", "job", job, "--ignore-not-found")
    _apply([manifest for manifest in manifests if manifest["metadata"]["name"] == job])


def _finish(job: str) -> None:
    """Wait for a job's end and show what it printed. Raises CheckError unless it succeeded."""
    _until(f"the job {job}", lambda: bool(re.search(r"Complete|Failed", _conditions(job))))
    sys.stdout.write(_log(job))
    if "Complete" not in _conditions(job):
        raise CheckError(f"the job {job} failed")


def _conditions(job: str) -> str:
    return _kubectl("get", "job", job, "-o", "jsonpath={.status.conditions[?(@.status=='True')].type}")


def _log(job: str) -> str:
    return _kubectl("logs", f"job/{job}", "--tail=-1", check=False)


def _until(what: str, true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + JOB_TIMEOUT_S
    while not true():
        if time.monotonic() > deadline:
            raise CheckError(f"{what}: not there after {JOB_TIMEOUT_S} s")
        time.sleep(LOOK_INTERVAL_S)


def _rolled_out() -> None:
    for name in _kubectl("get", "deployment", "-o", "name").split():
        _kubectl("rollout", "status", name, f"--timeout={ROLL_TIMEOUT_S}s")


def _apply(manifests: Sequence[Manifest]) -> None:
    _kubectl("apply", "-f", "-", given=yaml.safe_dump_all(manifests, sort_keys=False))


def _kubectl(*arguments: str, given: str | None = None, check: bool = True) -> str:
    """Run kubectl in the namespace and return what it printed. Raises CheckError with what it complained of."""
    kubectl = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or "kubectl"
    done = subprocess.run(  # noqa: S603 - our own arguments
        [kubectl, "--namespace", NAMESPACE, *arguments], input=given, capture_output=True, text=True, check=False
    )
    if check and done.returncode != 0:
        raise CheckError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def _run(*command: str) -> None:
    subprocess.run(command, check=True, cwd=render.ROOT)  # noqa: S603 - our own arguments


def _show_cluster() -> None:
    """Write what helps to understand a failure: the pods, the last events, the ends of logs that are not well."""
    for arguments in (("get", "pod", "-o", "wide"), ("get", "event", "--sort-by=.lastTimestamp")):
        sys.stderr.write("\n".join(_kubectl(*arguments, check=False).splitlines()[-LOG_LINES:]) + "\n")
    names = (
        "get",
        "pod",
        "-o",
        "jsonpath={range .items[*]}{.metadata.name} {.status.phase} {.status.containerStatuses[0].ready}{'\\n'}{end}",
    )
    for line in _kubectl(*names, check=False).splitlines():
        name, phase, ready, *_ = [*line.split(), "", ""]
        if phase != "Succeeded" and ready != "true":
            sys.stderr.write(f"--- {name}\n{_kubectl('logs', name, f'--tail={LOG_LINES}', check=False)}\n")


def main() -> int:
    """Run all steps and return the exit status. KEEP=1 leaves the namespace, for a look; BUILD=0 uses the images as they are."""
    load = os.environ.get("LOAD", "")
    if not load or not os.environ.get("KUBECONFIG"):
        sys.stderr.write("usage: make cluster-check KUBECONFIG=FILE LOAD='command that reads an image archive'\n")
        return 2
    steps: list[tuple[str, Callable[[], None]]] = [
        ("tear down what an earlier run left", tear_down),
        ("apply the overlay dev", apply_overlay),
        ("run the main job", run_main_job),
        ("no container crashed", no_pod_restarted),
        ("restart everything under load, kill a pod", restart_under_load),
    ]
    if os.environ.get("BUILD") != "0":
        steps.insert(0, ("build and load the images", lambda: build_and_load(load)))
    if os.environ.get("KEEP") != "1":
        steps.append(("tear down", tear_down))
    for what, step in steps:
        started = time.monotonic()
        sys.stdout.write(f"== {what}\n")
        sys.stdout.flush()
        try:
            step()
        except (CheckError, subprocess.CalledProcessError) as error:
            sys.stderr.write(f"failed: {what}: {error}\n")
            _show_cluster()
            return 1
        sys.stdout.write(f"   done in {time.monotonic() - started:.0f} s\n")
    sys.stdout.write("the cluster check passed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
