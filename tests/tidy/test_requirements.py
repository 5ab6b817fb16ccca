"""Requirements are pinned with hashes, match the pyprojects and name no package index."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

SERVICES = ("outage-notifier", "repair-intake", "billing-gateway")
MEMBERS = {"gridcare", "gridcare-local", *SERVICES}
SOURCES = {
    "dev": ["shared", "local", *(f"services/{name}" for name in SERVICES)],
    **{name: ["shared", f"services/{name}"] for name in SERVICES},
}
PIN = re.compile(r"^(?P<name>[a-z0-9._-]+)(\[[a-z0-9,._-]+\])?==(?P<version>[\w.!+]+)( ; (?P<marker>.+))?$")
HASH = re.compile(r"^sha256:[0-9a-f]{64}$")
ADDRESS = re.compile(r"://|--(extra-)?index-url|--find-links|--trusted-host|\bgit\+|@ file")
LOCKS = re.compile(r"(^|/)(requirements/.*[.](txt|in)|package-lock[.]json|jars[.]txt)$")
FORBIDDEN_LOCKS = re.compile(r"(^|/)(uv[.]lock|poetry[.]lock|Pipfile[.]lock|pip[.]conf|[.]npmrc)$")


def statements(path: Path) -> list[str]:
    """Return the statements of a requirements file, each with its hashes on one line."""
    joined = path.read_text().replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def pins(path: Path) -> dict[str, set[Version]]:
    """Return the versions that a requirements file pins, by name; markers may choose between several."""
    versions: dict[str, set[Version]] = {}
    for statement in statements(path):
        match = PIN.match(statement.partition(" --hash=")[0].strip())
        assert match, f"{path.name}: not a pin: {statement[:80]}"
        versions.setdefault(canonicalize_name(match["name"]), set()).add(Version(match["version"]))
    return versions


def declared(root: Path, name: str) -> list[Requirement]:
    """Return the dependencies that the pyprojects of a requirements file declare, except members of the workspace."""
    lines = []
    for folder in SOURCES[name]:
        lines += tomllib.loads((root / folder / "pyproject.toml").read_text())["project"]["dependencies"]
    if name == "dev":
        lines += tomllib.loads((root / "pyproject.toml").read_text())["dependency-groups"]["dev"]
    requirements = [Requirement(each) for each in lines]
    return [each for each in requirements if canonicalize_name(each.name) not in MEMBERS]


@pytest.mark.parametrize("name", [*SOURCES, "bootstrap"])
def test_requirements_have_hashes(repository, name):
    """Each statement pins one version of one package with SHA-256 hashes."""
    for statement in statements(repository / f"requirements/{name}.txt"):
        pin, *hashes = statement.split(" --hash=")
        assert PIN.match(pin.strip()), pin
        assert hashes, f"{pin} has no hash"
        assert all(HASH.match(each.strip()) for each in hashes), pin


@pytest.mark.parametrize("name", SOURCES)
def test_requirements_are_current(repository, name):
    """Each declared dependency is pinned in a version that its pyproject allows; if not, run `make lock`."""
    pinned = pins(repository / f"requirements/{name}.txt")
    missing = [
        str(requirement)
        for requirement in declared(repository, name)
        if not any(
            requirement.specifier.contains(version, prereleases=True)
            for version in pinned.get(canonicalize_name(requirement.name), ())
        )
    ]
    assert missing == []


@pytest.mark.parametrize("name", SERVICES)
def test_images_use_tested_versions(repository, name):
    """A service's requirements have the versions of the development requirements."""
    tested = pins(repository / "requirements/dev.txt")
    other = {
        package: versions
        for package, versions in pins(repository / f"requirements/{name}.txt").items()
        if not versions <= tested.get(package, set())
    }
    assert other == {}


def test_locks_name_no_host(files):
    """No lock file contains an address or an index, and there is no lock file of a tool that would write one."""
    assert [each.path for each in files if FORBIDDEN_LOCKS.search(each.path)] == []
    locks = [each for each in files if LOCKS.search(each.path)]
    assert len(locks) >= len(SOURCES) + 1
    addresses = [f"{each.path}: {line}" for each in locks for line in each.lines if ADDRESS.search(line)]
    assert addresses == []


def test_ignored_files_are_uncommitted(ignored_but_committed):
    """No committed file is one that .gitignore names."""
    assert ignored_but_committed == []
