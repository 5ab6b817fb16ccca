"""What is installed is pinned by hash, current with the pyprojects, and comes from no named place."""

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
PLACE = re.compile(r"://|--(extra-)?index-url|--find-links|--trusted-host|\bgit\+|@ file")
LOCKS = re.compile(r"(^|/)(requirements/.*[.](txt|in)|package-lock[.]json|jars[.]txt)$")
FORBIDDEN_LOCKS = re.compile(r"(^|/)(uv[.]lock|poetry[.]lock|Pipfile[.]lock|pip[.]conf|[.]npmrc)$")


def statements(path: Path) -> list[str]:
    """Give a requirements file's statements, each with its hashes on one line."""
    joined = path.read_text().replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def pins(path: Path) -> dict[str, set[Version]]:
    """Give what a requirements file pins; a name has several versions where markers choose between them."""
    found: dict[str, set[Version]] = {}
    for statement in statements(path):
        match = PIN.match(statement.partition(" --hash=")[0].strip())
        assert match, f"{path.name}: not a pin: {statement[:80]}"
        found.setdefault(canonicalize_name(match["name"]), set()).add(Version(match["version"]))
    return found


def declared(root: Path, name: str) -> list[Requirement]:
    """Give what the pyprojects of a requirements file ask for, those of the members themselves left out."""
    asked = []
    for folder in SOURCES[name]:
        asked += tomllib.loads((root / folder / "pyproject.toml").read_text())["project"]["dependencies"]
    if name == "dev":
        asked += tomllib.loads((root / "pyproject.toml").read_text())["dependency-groups"]["dev"]
    found = [Requirement(each) for each in asked]
    return [each for each in found if canonicalize_name(each.name) not in MEMBERS]


@pytest.mark.parametrize("name", [*SOURCES, "bootstrap"])
def test_every_requirement_has_its_hashes(repository, name):
    """Each line is one version of one package with SHA-256 hashes."""
    for statement in statements(repository / f"requirements/{name}.txt"):
        pin, *hashes = statement.split(" --hash=")
        assert PIN.match(pin.strip()), pin
        assert hashes, f"{pin} has no hash"
        assert all(HASH.match(each.strip()) for each in hashes), pin


@pytest.mark.parametrize("name", SOURCES)
def test_requirements_are_current(repository, name):
    """What the pyprojects ask for is pinned, in a version that they allow: else run `make lock`."""
    pinned = pins(repository / f"requirements/{name}.txt")
    missing = [
        str(asked)
        for asked in declared(repository, name)
        if not any(
            asked.specifier.contains(version, prereleases=True)
            for version in pinned.get(canonicalize_name(asked.name), ())
        )
    ]
    assert missing == []


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_runs_what_was_tested(repository, name):
    """A service's requirements are versions of the development requirements."""
    tested = pins(repository / "requirements/dev.txt")
    other = {
        package: versions
        for package, versions in pins(repository / f"requirements/{name}.txt").items()
        if not versions <= tested.get(package, set())
    }
    assert other == {}


def test_locks_name_no_host(files):
    """No lock file holds an address or the name of a registry; tools that would write one are kept out."""
    assert [each.path for each in files if FORBIDDEN_LOCKS.search(each.path)] == []
    locks = [each for each in files if LOCKS.search(each.path)]
    assert len(locks) >= len(SOURCES) + 1
    places = [f"{each.path}: {line}" for each in locks for line in each.lines if PLACE.search(line)]
    assert places == []


def test_what_is_ignored_is_not_committed(ignored_but_committed):
    """No file that .gitignore names is in the repository."""
    assert ignored_but_committed == []
