"""The stack under test, behind proxies, with whoever restarts what dies, as Kubernetes would."""

import asyncio
import random
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.faults.rig.databases import Databases
from tests.faults.rig.proxy import Proxy, ProxyThread
from tests.integration.support.wholestack import FAST

from gridcare_local.demo.load import Town, load_town
from gridcare_local.demo.site import StackSite
from gridcare_local.emulators.control import free_port
from gridcare_local.errors import LocalStackError
from gridcare_local.servers.kafka.server import ADVERTISED_PORT
from gridcare_local.servers.ports import claim_ports
from gridcare_local.servers.processes import ProcessRef
from gridcare_local.servers.state import recall, remember
from gridcare_local.stack.catalog import SERVICE_PARTS, Catalog
from gridcare_local.stack.parts import ProcessPart
from gridcare_local.stack.probes import http_probe
from gridcare_local.stack.stack import Stack, StartOptions
from gridcare_local.town.world import DemoWorld

SUPERVISE_S = 0.3
SEED_OF_TOWN, CANARIES = 11, 12
QUICK = {**FAST, "GRIDCARE_KAFKA_SESSION_TIMEOUT_S": "6"}
"""The shortest session that the broker allows: a killed member's partitions are given to others after it."""
SERVER_PROXIES = ("postgres", "kafka", "twilio")


@dataclass(frozen=True)
class ProxiedCatalog(Catalog):
    """Parts that reach PostgreSQL, Kafka and Twilio through the proxies, with settings of their own where a fault wants some."""

    proxy_ports: dict[str, int] = field(default_factory=dict)
    own: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    python_path: str = ""

    def environment(self, service: str, process: str) -> dict[str, str]:
        whole = super().environment(service, process)
        ports = self.proxy_ports
        whole["GRIDCARE_DATABASE_URL"] = _through(whole["GRIDCARE_DATABASE_URL"], ports["postgres"])
        whole["GRIDCARE_KAFKA_BOOTSTRAP"] = f"127.0.0.1:{ports['kafka']}"
        if "GRIDCARE_TWILIO_API_URL" in whole:
            whole["GRIDCARE_TWILIO_API_URL"] = f"http://127.0.0.1:{ports['twilio']}"
        if self.python_path:
            whole["PYTHONPATH"] = self.python_path
        return whole | self.own[f"{service}-{process}"]


@dataclass
class Tally:
    """What was done to the stack."""

    kills: Counter[str] = field(default_factory=Counter)
    restarts: int = 0


class Rig(Databases):
    """A running stack and its breakers. `root` holds everything: logs, journals, data."""

    def __init__(self, root: Path, *, supply_points: int, python_path: str = "") -> None:
        self.stack = Stack(root)
        self.root = self.stack.root
        ports = dict(zip(SERVER_PROXIES, claim_ports(self.root, len(SERVER_PROXIES)), strict=True))
        self.catalog = ProxiedCatalog(self.stack.settings, proxy_ports=ports, python_path=python_path)
        self.stack.catalog = self.catalog
        self.world = DemoWorld(supply_points=supply_points, seed=SEED_OF_TOWN, canaries=CANARIES)
        self.supply_points = supply_points
        self.town: Town | None = None
        self.tally = Tally()
        kafka = self.root / "kafka"
        kafka.mkdir(exist_ok=True)
        remember(kafka, **{ADVERTISED_PORT: ports["kafka"]})
        self.postgres = Proxy(ports["postgres"], lambda: int(recall(self.root / "postgres")["port"]))
        self.kafka = Proxy(ports["kafka"], lambda: int(recall(kafka)["port"]))
        self.twilio = Proxy(ports["twilio"], lambda: self.stack.settings.ports["twilio"])
        self.proxies = (self.postgres, self.kafka, self.twilio)
        self._threads = ProxyThread(*self.proxies)
        self._held: set[str] = set()
        self._over = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    # ---- life

    def start(self, *, report: Callable[[str], None]) -> None:
        """Start everything and load the town. Raises LocalStackError."""
        self._threads.start()
        self.stack.start(StartOptions(environment=QUICK, report=report))
        self.town = load_town(
            StackSite(self.stack), supply_points=self.supply_points, seed=SEED_OF_TOWN, canaries=CANARIES, report=report
        )
        self._supervisor.start()

    def stop(self) -> None:
        """Stop everything."""
        self._over.set()
        if self._supervisor.is_alive():
            self._supervisor.join(timeout=30)
        self.heal()
        self.stack.stop()
        self._threads.stop()

    def heal(self) -> None:
        """End every fault: fair weather, servers that run, processes that go on, no settings but the ordinary ones."""
        for proxy in self.proxies:
            proxy.heal()
        changed = [name for name, own in self.catalog.own.items() if own]
        self.catalog.own.clear()
        for name in ("postgres", "kafka"):
            if self.stack.part(name).running() is None:
                self.stack.restart(name)
        self.signal("kafka", signal.SIGCONT)
        for part in self.stack.parts():
            if (process := part.running()) is not None:
                process.send(signal.SIGCONT)
        for name in changed:  # started anew by the supervisor, with ordinary settings
            self.kill(name)
        self._held.clear()

    # ---- processes

    def part(self, name: str) -> ProcessPart:
        """Return a service's part."""
        part = self.stack.part(name)
        assert isinstance(part, ProcessPart)
        return part

    def pid(self, name: str) -> ProcessRef | None:
        """Return the process that runs under a name now."""
        return self.stack.part(name).running()

    def kill(self, name: str) -> bool:
        """Kill a process with SIGKILL; the supervisor starts it again unless it is held. Return False if it was dead."""
        process = self.pid(name)
        if process is None:
            return False
        process.kill()
        self.tally.kills[name] += 1
        return True

    def terminate(self, name: str) -> None:
        """Send SIGTERM, as a rolling restart does; the supervisor starts it again."""
        self.signal(name, signal.SIGTERM)

    def signal(self, name: str, number: int) -> None:
        """Send a signal to whatever runs under a name."""
        if (process := self.pid(name)) is not None:
            process.send(number)

    def hold(self, name: str) -> None:
        """Let a process stay dead until `release`."""
        self._held.add(name)

    def release(self, name: str) -> None:
        """Let the supervisor start a process again."""
        self._held.discard(name)

    def set(self, name: str, **own: str) -> None:
        """Set variables for one process alone, from its next start on."""
        self.catalog.own[name] = _variables(own)

    def restart_with(self, name: str, **own: str) -> None:
        """Start a process anew with settings of its own, and wait until it is ready. Raises LocalStackError."""
        self.hold(name)
        self.part(name).stop()
        self.set(name, **own)
        self.part(name).start()
        self.release(name)

    async def crash_at(self, name: str, moment: str, *, timeout_s: float, meanwhile: Callable[[], object]) -> bool:
        """Let a process die at a crash point while the work goes on, then start it as ever. Return whether it died there.

        `meanwhile` is called now and then to make it come there.
        """
        self.hold(name)
        await asyncio.to_thread(self.part(name).stop)
        self.set(name, crash_at=moment)
        await asyncio.to_thread(replace(self.part(name), probe=_at_once).start)  # it may die before it is ready
        armed = self.pid(name)
        deadline = time.monotonic() + timeout_s
        while (died := armed is None or not armed.alive()) is False and time.monotonic() < deadline:
            done = meanwhile()
            if asyncio.iscoroutine(done):
                await done
            await asyncio.sleep(0.2)
        self.catalog.own.pop(name, None)
        if died:
            self.tally.kills[name] += 1
        else:
            await asyncio.to_thread(self.part(name).stop)
        self.release(name)
        return died

    def second(self, name: str, **own: str) -> ProcessPart:
        """Return another process of a kind with settings of its own, to be started and stopped by the caller."""
        part, port = self.part(name), free_port()
        number = random.randint(2, 10_000)  # noqa: S311 - a name
        return replace(
            part,
            name=f"{name}-{number}",
            environment={**part.environment, **_variables(own), "GRIDCARE_HEALTH_PORT": str(port)},
            probe=http_probe(f"http://127.0.0.1:{port}/readyz"),
        )

    def ready(self) -> bool:
        """Return whether every process of the services is ready."""
        return all(self.part(name).ready() for name in SERVICE_PARTS)

    def _supervise(self) -> None:
        while not self._over.wait(SUPERVISE_S):
            for name in SERVICE_PARTS:
                if self._over.is_set() or name in self._held or self.pid(name) is not None:
                    continue
                try:
                    replace(self.part(name), probe=_at_once).start()
                    self.tally.restarts += 1
                except (LocalStackError, OSError):
                    continue

    def deaths(self) -> dict[str, int]:
        """Return how often each process died of a bug, from its log."""
        died = {}
        for name in SERVICE_PARTS:
            log = self.root / "logs" / f"{name}.log"
            if log.exists():
                died[name] = log.read_bytes().count(b'"process_died"')
        return died


def _variables(own: dict[str, str]) -> dict[str, str]:
    return {f"GRIDCARE_{key.upper()}": value for key, value in own.items()}


def _through(url: str, port: int) -> str:
    parts = urlsplit(url)
    account = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{account}@127.0.0.1:{port}"))


def _at_once() -> bool:
    return True
