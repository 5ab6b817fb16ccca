"""A pytest plugin for isolated.py: keeps the tests that need only the service and the test tools.

It skips files that import modules no image holds, and tests that use a fixture of a conftest.
"""

import ast
from pathlib import Path

import pytest

ELSEWHERE = ("gridcare_local", "gridcare.testing.http", "googleapiclient", "httpx", "psutil")
"""Modules that neither an image nor the test tools contain."""


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Skip a file that imports the local stack, an HTTP client or the service's own test support."""
    if collection_path.suffix != ".py":
        return None
    names = _imports(ast.parse(collection_path.read_text()))
    return any(_is_elsewhere(name) for name in names) or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests whose fixtures are missing."""
    needy = [item for item in items if isinstance(item, pytest.Function) and _missing(item)]
    items[:] = [item for item in items if item not in needy]
    config.hook.pytest_deselected(items=needy)


def _missing(item: pytest.Function) -> set[str]:
    return set(item.fixturenames) - set(item._fixtureinfo.name2fixturedefs) - {"request"}  # noqa: SLF001 - pytest has no public way to list them


def _is_elsewhere(name: str) -> bool:
    within = any(f"{name}.".startswith(f"{module}.") for module in ELSEWHERE)
    return within or name.partition(".")[0].endswith("_testing")


def _imports(module: ast.Module) -> list[str]:
    names = []
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    return names
