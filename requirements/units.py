"""A pytest plugin of isolated.py: keeps the tests that need nothing but the service and the tools of tests.

Left out are the files that import what no image holds, and the tests that ask for a fixture of a conftest.
"""

import ast
from pathlib import Path

import pytest

ELSEWHERE = ("gridcare_local", "gridcare.testing.http", "googleapiclient", "httpx", "psutil")
"""Modules that neither an image nor the tools of tests bring."""


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Pass over a file that imports the local stack, a client of HTTP or the service's own support for tests."""
    if collection_path.suffix != ".py":
        return None
    names = _imports(ast.parse(collection_path.read_text()))
    return any(_is_elsewhere(name) for name in names) or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests whose fixtures are not there."""
    needy = [item for item in items if isinstance(item, pytest.Function) and _missing(item)]
    items[:] = [item for item in items if item not in needy]
    config.hook.pytest_deselected(items=needy)


def _missing(item: pytest.Function) -> set[str]:
    return set(item.fixturenames) - set(item._fixtureinfo.name2fixturedefs) - {"request"}  # noqa: SLF001 - pytest has no public way to ask


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
