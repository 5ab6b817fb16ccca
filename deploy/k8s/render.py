#!/usr/bin/env python3
"""Render the Kubernetes manifests and validate them strictly, without a cluster or a network.

`render.py` writes each overlay to .local/k8s/<overlay>/: `1-before.yaml` (what processes need, and the jobs of a
release) and `2-processes.yaml` (what is applied after those jobs have ended). `render.py dev` prints one overlay
instead. If a manifest is wrong, it exits with 1 and prints a line for each fault.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import kubernetes_validate  # type: ignore[import-untyped]  # it ships no types
import yaml
from deploy.k8s.dev_authority import generate
from deploy.k8s.house_rules import RULES, Manifest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OUT = ROOT / ".local" / "k8s"
KUBERNETES = "1.34"
"""The version whose schema the manifests must fit; preStop's `sleep` needs at least 1.30."""

RENDER_TIMEOUT_S = 60
SECOND = frozenset({"Deployment", "PodDisruptionBudget"})


class RenderError(Exception):
    """Kustomize failed, or a manifest breaks the API's schema or a house rule."""


def overlays() -> list[Path]:
    """Return the folders of the environments."""
    return sorted(path.parent for path in (HERE / "overlays").glob("*/kustomization.yaml"))


def scenarios() -> list[Path]:
    """Return the folders of the combinations that only tests render."""
    return sorted(path.parent for path in (HERE / "scenarios").glob("*/kustomization.yaml"))


def render(folder: Path) -> list[Manifest]:
    """Build a folder with kustomize. Raises RenderError."""
    kubectl = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
    if kubectl is None:
        raise RenderError("kubectl is not installed: run `make setup`")
    generate()
    built = subprocess.run(  # noqa: S603 - our own arguments
        [kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False, timeout=RENDER_TIMEOUT_S
    )
    if built.returncode != 0 or built.stderr:  # a warning names a field that kustomize will soon ignore
        raise RenderError(f"{folder.name}: {built.stderr.strip()}")
    return [manifest for manifest in yaml.safe_load_all(built.stdout) if manifest]


def schema_faults(manifests: Sequence[Manifest]) -> list[str]:
    """Return a line for each manifest that breaks the API's schema, in which unknown fields are forbidden."""
    faults = []
    for manifest in manifests:
        where = f"{manifest.get('kind')} {manifest.get('metadata', {}).get('name')}"
        try:
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            faults.append(f"{where}: {error.message} (at {'.'.join(str(part) for part in error.path)})")
        except (kubernetes_validate.SchemaNotFoundError, KeyError) as error:
            faults.append(f"{where}: no such kind ({type(error).__name__})")
    return faults


def house_faults(manifests: Sequence[Manifest]) -> list[str]:
    """Return a line for each fault against the house rules. The manifests must fit the API's schema."""
    return [line for rule in RULES for line in rule(manifests)]


def rendered(folder: Path) -> list[Manifest]:
    """Render and validate a folder. Raises RenderError with all faults."""
    manifests = render(folder)
    wrong = schema_faults(manifests) or house_faults(manifests)
    if wrong:
        raise RenderError("\n".join(f"{folder.name}: {line}" for line in wrong))
    return manifests


def write(folder: Path, manifests: list[Manifest], *, out: Path = OUT) -> None:
    """Write what is applied before and after the jobs to two files, in a folder in `out`."""
    into = out / folder.name
    into.mkdir(parents=True, exist_ok=True)
    first = [manifest for manifest in manifests if manifest["kind"] not in SECOND]
    second = [manifest for manifest in manifests if manifest["kind"] in SECOND]
    for name, part in (("1-before", first), ("2-processes", second)):
        (into / f"{name}.yaml").write_text(yaml.safe_dump_all(part, sort_keys=False))
    sys.stdout.write(f"{into}: {len(first)} manifests, then {len(second)}\n")


def main(names: list[str]) -> int:
    """Print the named overlays, or write all of them to .local/k8s; return the exit status."""
    known = {folder.name: folder for folder in overlays()}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.stderr.write(f"no overlay {' '.join(unknown)}; there are: {' '.join(known)}\n")
        return 2
    try:
        for name in names:
            sys.stdout.write(yaml.safe_dump_all(rendered(known[name]), sort_keys=False))
        for folder in known.values() if not names else ():
            write(folder, rendered(folder))
    except RenderError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
