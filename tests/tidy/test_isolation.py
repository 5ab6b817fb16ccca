"""Each service's image contains everything that its code imports.

The development environment holds the packages of all services, so it would hide an undeclared dependency.
"""

import re
import subprocess
import sys

import pytest

PACKAGES = {
    "outage-notifier": "outage_notifier",
    "repair-intake": "repair_intake",
    "billing-gateway": "billing_gateway",
}

IMPORT_ALL = """
import importlib, pkgutil, sys, warnings
from importlib.metadata import packages_distributions

package, *pinned = sys.argv[1:]
own = {"gridcare", package}
members = {"gridcare", "gridcare_local", "outage_notifier", "repair_intake", "billing_gateway"}
holders = packages_distributions()


def is_installed(top):
    if top in members:
        return top in own
    dists = {name.lower().replace("_", "-").replace(".", "-") for name in holders.get(top, ())}
    return not dists or bool(dists & set(pinned))


class OnlyPinned:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if not is_installed(name.partition(".")[0]):
            raise ModuleNotFoundError(f"{name} belongs to no distribution in the image", name=name)


sys.meta_path.insert(0, OnlyPinned)
count = 0
for root in sorted(own):
    imported = importlib.import_module(root)
    for each in pkgutil.walk_packages(imported.__path__, f"{root}."):
        if each.name.startswith("gridcare.testing"):  # an import contract keeps services from importing it
            continue
        importlib.import_module(each.name)
        count += 1
assert count > 50, count
try:
    import pytest
except ModuleNotFoundError:
    print("isolated")
"""


@pytest.mark.parametrize("service", PACKAGES)
def test_images_hold_all_imports(repository, service):
    """Every module of a service and of the shared package imports with only the service's requirements installed."""
    requirements = (repository / f"requirements/{service}.txt").read_text()
    pinned = {
        re.sub(r"[._]", "-", name) for name in re.findall(r"^([a-z0-9._-]+)(?:\[.*\])?==", requirements, re.MULTILINE)
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_ALL, PACKAGES[service], *sorted(pinned)],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "isolated"), done.stderr[-2000:]
