"""The three Dockerfiles are one recipe, and the recipe keeps its promises."""

import re

import pytest
from deploy.k8s import render

SERVICES = ("outage-notifier", "repair-intake", "billing-gateway")


def _dockerfile(service: str) -> str:
    return (render.ROOT / "services" / service / "Dockerfile").read_text()


def test_the_three_images_are_made_alike():
    """What is mended in one is mended in all: they differ by the service's name alone."""
    recipes = {
        _dockerfile(service).replace(service, "SERVICE").replace(service.replace("-", "_"), "PACKAGE")
        for service in SERVICES
    }
    assert len(recipes) == 1


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_is_pinned_small_and_nobodys_root(service: str):
    """Two stages of one base that the builder names, hashes wanted, no build tools carried over, a user by number."""
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
def test_an_image_names_no_host(service: str):
    """Where packages and bases come from is the builder's affair."""
    assert not re.search(r"://|\b[a-z0-9-]+\.(io|com|org|net|dev)\b", _dockerfile(service))


@pytest.mark.parametrize("service", SERVICES)
def test_what_an_image_copies_is_let_through(service: str):
    """The ignore list starts with everything, so that what a Dockerfile copies must be let in."""
    let_in = [line[1:] for line in (render.ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", _dockerfile(service), flags=re.MULTILINE)
    assert copied
    for path in " ".join(copied).split():
        assert (render.ROOT / path).exists()
        assert any(path.startswith(known.split("*")[0]) for known in let_in)
