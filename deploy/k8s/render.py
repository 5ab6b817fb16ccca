#!/usr/bin/env python3
"""Render the Kubernetes manifests and validate them strictly, without a cluster and without a network.

`render.py` writes each overlay to .local/k8s/<overlay>/: `1-before.yaml` (what must be there, and the jobs of a release) and
`2-processes.yaml` (what those jobs must have ended for). `render.py dev` prints one overlay instead. Ends with 1 and a line
for each fault when a manifest is wrong.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import kubernetes_validate  # type: ignore[import-untyped]  # it ships no types
import yaml
from deploy.k8s.house_rules import RULES, Manifest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OUT = ROOT / ".local" / "k8s"
KUBERNETES = "1.34"
"""The version that the manifests are checked against; preStop's `sleep` needs 1.30."""

RENDER_TIMEOUT_S = 60
SECOND = frozenset({"Deployment", "PodDisruptionBudget"})


class RenderError(Exception):
    """kustomize refused, or a manifest is not what Kubernetes or the house takes."""


def overlays() -> list[Path]:
    """Give the folders of environments."""
    return sorted(path.parent for path in (HERE / "overlays").glob("*/kustomization.yaml"))


def scenarios() -> list[Path]:
    """Give the folders of combinations that exist only to be tried."""
    return sorted(path.parent for path in (HERE / "scenarios").glob("*/kustomization.yaml"))


def render(folder: Path) -> list[Manifest]:
    """Build a folder with kustomize. Raises RenderError."""
    kubectl = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
    if kubectl is None:
        raise RenderError("kubectl is not installed: run `make setup`")
    built = subprocess.run(  # noqa: S603 - our own arguments
        [kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False, timeout=RENDER_TIMEOUT_S
    )
    if built.returncode != 0 or built.stderr:  # a warning tells of a field that kustomize is about to forget
        raise RenderError(f"{folder.name}: {built.stderr.strip()}")
    return [manifest for manifest in yaml.safe_load_all(built.stdout) if manifest]


def schema_faults(manifests: Sequence[Manifest]) -> list[str]:
    """Give a line for each manifest that the API's schema, unknown fields forbidden, does not allow."""
    found = []
    for manifest in manifests:
        where = f"{manifest.get('kind')} {manifest.get('metadata', {}).get('name')}"
        try:
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{where}: {error.message} (at {'.'.join(str(part) for part in error.path)})")
        except (kubernetes_validate.SchemaNotFoundError, KeyError) as error:
            found.append(f"{where}: no such kind ({type(error).__name__})")
    return found


def house_faults(manifests: Sequence[Manifest]) -> list[str]:
    """Give a line for each fault against the rules of the house; the manifests are valid."""
    return [line for rule in RULES for line in rule(manifests)]


def rendered(folder: Path) -> list[Manifest]:
    """Render and validate. Raises RenderError with all faults."""
    manifests = render(folder)
    wrong = schema_faults(manifests) or house_faults(manifests)
    if wrong:
        raise RenderError("\n".join(f"{folder.name}: {line}" for line in wrong))
    return manifests


def write(folder: Path, manifests: list[Manifest], *, out: Path = OUT) -> None:
    """Write what is applied first and what after the jobs, to a folder in `out`."""
    into = out / folder.name
    into.mkdir(parents=True, exist_ok=True)
    first = [manifest for manifest in manifests if manifest["kind"] not in SECOND]
    second = [manifest for manifest in manifests if manifest["kind"] in SECOND]
    for name, part in (("1-before", first), ("2-processes", second)):
        (into / f"{name}.yaml").write_text(yaml.safe_dump_all(part, sort_keys=False))
    sys.stdout.write(f"{into}: {len(first)} manifests, then {len(second)}\n")


def main(names: list[str]) -> int:
    """Render the overlays named, to stdout, or all of them to .local/k8s; the exit status."""
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
