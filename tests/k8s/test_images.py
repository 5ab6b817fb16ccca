"""The three Dockerfiles follow one recipe, and the recipe keeps its promises."""

import re

import pytest
from deploy.k8s import render

SERVICES = ("outage-notifier", "repair-intake", "billing-gateway")


def _dockerfile(service: str) -> str:
    return (render.ROOT / "services" / service / "Dockerfile").read_text()


def test_images_share_a_recipe():
    """The Dockerfiles differ only in the service's name."""
    recipes = {
        _dockerfile(service).replace(service, "SERVICE").replace(service.replace("-", "_"), "PACKAGE")
        for service in SERVICES
    }
    assert len(recipes) == 1


@pytest.mark.parametrize("service", SERVICES)
def test_images_are_pinned_and_rootless(service: str):
    """Two stages on one base that the builder names, hashes required, no build tools in the result, a numeric user."""
    text = _dockerfile(service)
    lines = text.splitlines()
    assert [line for line in lines if line.startswith("FROM")] == ["FROM ${BASE} AS build", "FROM ${BASE}"]
    installs = [line for line in lines if "pip" in line and " install " in line]
    assert len(installs) == 3
    assert all("--require-hashes" in line or "--no-deps --no-index" in line for line in installs)
    last = text.rpartition("FROM ${BASE}")[2]
    assert "pip" not in last
    assert "apt" not in text
    assert "USER 10001:10001" in lines
    assert f'ENTRYPOINT ["python", "-m", "{service.replace("-", "_")}"]' in lines


@pytest.mark.parametrize("service", SERVICES)
def test_images_name_no_host(service: str):
    """The builder, not the Dockerfile, decides where packages and the base come from."""
    assert not re.search(r"://|\b[a-z0-9-]+\.(io|com|org|net|dev)\b", _dockerfile(service))


@pytest.mark.parametrize("service", SERVICES)
def test_copied_paths_are_not_ignored(service: str):
    """.dockerignore excludes everything, then includes again each path that a Dockerfile copies."""
    included = [line[1:] for line in (render.ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", _dockerfile(service), flags=re.MULTILINE)
    assert copied
    for path in " ".join(copied).split():
        assert (render.ROOT / path).exists()
        assert any(path.startswith(each.split("*")[0]) for each in included)
