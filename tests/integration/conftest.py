"""The whole of Gridcare, started as `make run` starts it: real PostgreSQL, real Kafka, every process, emulated providers."""

import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from gridcare_local.demo.accounting import Books, balance
from gridcare_local.demo.client import Client
from gridcare_local.demo.cut import Told, Watcher, tell_of_a_cut
from gridcare_local.demo.load import Town, load_town
from gridcare_local.emulators.control import free_port
from gridcare_local.parts import ProcessPart
from gridcare_local.probes import http_probe
from gridcare_local.stack import Stack, StartOptions

SUPPLY_POINTS = 1_500
CANARIES = 12
TIMEOUT_S = 120.0

FAST = {
    "GRIDCARE_LEASE_S": "3",
    "GRIDCARE_CALL_TIMEOUT_S": "1.5",
    "GRIDCARE_PLANNER_LEASE_S": "2",
    "GRIDCARE_HINT_SILENT_S": "2",
    "GRIDCARE_UNKNOWN_FIRST_LOOK_AFTER_S": "2",
    "GRIDCARE_UNKNOWN_SECOND_LOOK_AFTER_S": "4",
}
"""Leases and looks of seconds instead of minutes: what is tested is their order, not their length."""


@dataclass
class Whole:
    """A running stack with a town loaded into it."""

    stack: Stack
    town: Town

    def client(self, role: str) -> Client:
        """Give somebody of a role."""
        return Client(self.stack, role)

    def tell(self, *, watch: Watcher | None = None, timeout_s: float = TIMEOUT_S) -> Told:
        """Publish a cut of the whole town and wait until its announcement is complete."""
        return tell_of_a_cut(self.stack, self.town.feeder_ids, timeout_s=timeout_s, watch=watch or (lambda *_: None))

    def balance(self, told: Told) -> Books:
        """Compare the ledger with the providers' journals."""
        return balance(self.stack, told)

    def second_sender(self) -> ProcessPart:
        """Build one more sender, beside the stack's own."""
        part = self.stack.catalog.service_part("outage-notifier-sender")
        port = free_port()
        return replace(
            part,
            name="outage-notifier-sender-2",
            environment={**part.environment, "GRIDCARE_HEALTH_PORT": str(port)},
            probe=http_probe(f"http://127.0.0.1:{port}/readyz"),
        )

    def script(self, provider: str, rules: list[dict[str, object]]) -> None:
        """Tell a provider's emulator how to behave."""
        ca_file = self.stack.catalog.emulator_dir("fcm") / "ca.pem"
        url = f"{self.stack.catalog.emulator_url(provider)}/_emulator/script"
        httpx.put(url, json=rules, verify=ssl.create_default_context(cafile=ca_file)).raise_for_status()


def wait_until(condition: Callable[[], bool], *, what: str, timeout_s: float = 60.0) -> None:
    """Wait for a condition with a deadline."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(0.05)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """Start everything once for all tests of this folder."""
    stack = Stack(Path(tmp_path_factory.mktemp("stack")))
    stack.start(StartOptions(environment=FAST))
    try:
        town = load_town(stack, supply_points=SUPPLY_POINTS, seed=7, canaries=CANARIES, report=lambda _: None)
        yield Whole(stack, town)
    finally:
        stack.stop()


@pytest.fixture(autouse=True)
def _providers_behave(request: pytest.FixtureRequest) -> Iterator[None]:
    """Take back what a test told the providers' emulators."""
    yield
    if "whole" in request.fixturenames:
        for provider in ("twilio", "fcm"):
            request.getfixturevalue("whole").script(provider, [])
