"""The manifests of every overlay and scenario, each rendered once."""

from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
from deploy.k8s import render
from deploy.k8s.house_rules import Manifest

FOLDERS = [*render.overlays(), *render.scenarios()]


@cache
def _rendered(folder: Path) -> list[Manifest]:
    return render.render(folder)


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    """Return the manifests of each folder in turn; a test may change them."""
    return deepcopy(_rendered(request.param))


@pytest.fixture
def prod() -> list[Manifest]:
    """Return the manifests of production; a test may change them."""
    return deepcopy(_rendered(render.HERE / "overlays" / "prod"))


@pytest.fixture
def staging() -> list[Manifest]:
    """Return the manifests of staging."""
    return deepcopy(_rendered(render.HERE / "overlays" / "staging"))


@pytest.fixture
def dev() -> list[Manifest]:
    """Return the manifests of development."""
    return deepcopy(_rendered(render.HERE / "overlays" / "dev"))
