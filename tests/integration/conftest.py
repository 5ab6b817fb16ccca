"""All of Gridcare, started as `make run` does: real PostgreSQL and Kafka, every process, emulated providers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.support.wholestack import CANARIES, FAST, SEED, SUPPLY_POINTS, Whole

from gridcare_local.demo.load import load_town
from gridcare_local.demo.site import StackSite
from gridcare_local.stack.stack import ALL_PARTS, Stack, StartOptions
from gridcare_local.town.world import DemoWorld

LAST = "test_personal_data"
"""Searches everything that the other tests leave behind, so it runs after them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move the search for personal data behind all other tests."""
    items.sort(key=lambda item: item.path.stem == LAST)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """Start everything once for all tests in this folder."""
    stack = Stack(Path(tmp_path_factory.mktemp("stack")))
    stack.start(StartOptions(environment=FAST))
    try:
        town = load_town(
            StackSite(stack), supply_points=SUPPLY_POINTS, seed=SEED, canaries=CANARIES, report=lambda _: None
        )
        yield Whole(stack, town, DemoWorld(supply_points=SUPPLY_POINTS, seed=SEED, canaries=CANARIES))
    finally:
        stack.stop()


@pytest.fixture(autouse=True)
def _left_as_found(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test, clear the emulators' scripts and restart parts that died."""
    yield
    if "whole" not in request.fixturenames:
        return
    whole: Whole = request.getfixturevalue("whole")
    dead = [name for name in ALL_PARTS if whole.stack.part(name).running() is None]
    for name in dead:
        whole.stack.restart(name)
    for provider in ("twilio", "fcm"):
        whole.script(provider, [])
    assert not dead, f"died in this test: {dead}; see their logs in {whole.stack.root}"
