"""The stack in a folder: starts, stops, kills and restarts its parts. Tests and the `gridcare` command use it."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gridcare_local.errors import LocalStackError
from gridcare_local.servers.cache import file_lock, write_atomically
from gridcare_local.servers.kafka.jars import Progress
from gridcare_local.servers.ports import release_ports
from gridcare_local.servers.processes import ProcessRef
from gridcare_local.stack.catalog import EMULATORS, SERVICE_PARTS, SERVICES, Catalog
from gridcare_local.stack.parts import Part, clean_environment
from gridcare_local.stack.server_parts import SERVERS, addresses, server_parts
from gridcare_local.stack.settings import DEFAULT_HOUR, SETTINGS_FILE, StackSettings
from gridcare_local.stack.together import together

TOPICS_TIMEOUT_S = 30.0
MIGRATE_TIMEOUT_S = 120.0
LOCK_TIMEOUT_S = 5.0
ALL_PARTS = (*SERVERS, *EMULATORS, *SERVICE_PARTS)

Report = Callable[[str], None]


def quiet(_: str) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class StartOptions:
    """How a stack is started.

    `names` are the parts to start. `hour` (HH:MM) is the time in Can Tho to which the clock is set. `environment` is
    added to every process of the services. `report` gets a line for each step, `progress` each jar that a user's first
    start fetches.
    """

    names: Sequence[str] = ALL_PARTS
    hour: str = DEFAULT_HOUR
    environment: Mapping[str, str] = field(default_factory=dict)
    report: Report = quiet
    progress: Progress | None = None


class Stack:
    """The stack of a folder. Any number of these objects, in any process of the same user, may handle it."""

    def __init__(self, root: Path) -> None:
        self.settings = StackSettings.load(root)
        self.root = self.settings.root
        self.catalog = Catalog(self.settings)

    def start(self, options: StartOptions | None = None) -> None:
        """Stop what is left of a dead stack, then start parts group by group, each when the one before is ready.

        The calling process then owns the stack (see `detach`). Raises LocalStackError if the stack is running already
        or a part does not start, in which case the other parts are stopped again.
        """
        options = options or StartOptions()
        unknown = [name for name in options.names if name not in ALL_PARTS]
        if unknown:
            raise _unknown(unknown[0])
        with file_lock(self.root / "start.lock", timeout_s=LOCK_TIMEOUT_S):
            self._refuse_if_running()
            self._stop_parts(quiet)
            self._own()
        self.settings.replace_taken_ports()
        self.settings.set_clock(options.hour)
        self.settings.environment = dict(options.environment)
        self.catalog.claim_ports(options.names)
        try:
            self._start_parts(options)
        except BaseException:
            self.stop()
            raise

    def stop(self, report: Report = quiet) -> None:
        """Stop everything. The services are first and finish their work."""
        self._stop_parts(report)
        for mark in ("owner.json", "detached"):
            (self.root / "run" / mark).unlink(missing_ok=True)

    def detach(self) -> None:
        """Leave the stack running without an owner."""
        write_atomically(self.root / "run" / "detached", "")
        (self.root / "run" / "owner.json").unlink(missing_ok=True)

    def owner(self) -> ProcessRef | None:
        """Return the living process that owns the stack."""
        try:
            record = json.loads((self.root / "run" / "owner.json").read_text())
        except FileNotFoundError:
            return None
        owner = ProcessRef(record["pid"], record["started"])
        return owner if owner.alive() else None

    def restart(self, name: str) -> None:
        """Stop a part if it runs (SIGTERM, then SIGKILL after the grace) and start it on the same ports."""
        part = self.part(name)
        part.stop()
        part.start()
        current = addresses(self.settings) if name in SERVERS else {}
        if any(self.settings.addresses.get(key, address) != address for key, address in current.items()):
            raise LocalStackError(f"another program took the port of {name}: `gridcare stop`, then `gridcare start`")

    def kill(self, name: str) -> None:
        """Kill a part with SIGKILL. Raises LocalStackError if there is no such part or it does not run."""
        part = self.part(name)
        if part.running() is None:
            raise LocalStackError(f"{name} does not run")
        part.kill()

    def part(self, name: str) -> Part:
        """Return the part with this name. Raises LocalStackError if there is none or it was never started."""
        for part in self.parts():
            if part.name == name:
                return part
        raise _unknown(name)

    def parts(self) -> list[Part]:
        """Return every part that was ever started, in the order of starting."""
        emulators = [self.catalog.emulator(name) for name in EMULATORS if name in self.settings.ports]
        claimed = [name for name in SERVICE_PARTS if f"{name}.health" in self.settings.ports]
        services = [self.catalog.service_part(name) for name in claimed] if self.settings.addresses else []
        return [*server_parts(self.root), *emulators, *services]

    def _start_parts(self, options: StartOptions) -> None:
        servers: list[Part] = [p for p in server_parts(self.root, options.progress) if p.name in options.names]
        emulators: list[Part] = [self.catalog.emulator(name) for name in EMULATORS if name in options.names]
        _start_together([*servers, *emulators], options.report)
        self.settings.addresses = addresses(self.settings)
        self.settings.save()
        processes = [name for name in SERVICE_PARTS if name in options.names]
        services = [service for service in SERVICES if any(name.startswith(service) for name in processes)]
        if not services:
            return
        options.report("making topics and tables")
        (self.root / "traces").mkdir(exist_ok=True)
        together(self._prepare, ["topics", *services])
        _start_together([self.catalog.service_part(name) for name in processes], options.report)

    def _prepare(self, what: str) -> None:
        """Create the topics, or the tables of a service. It must run in a thread without an event loop."""
        if what == "topics":
            asyncio.run(_ensure_topics(self.settings.addresses["kafka"]))
        else:
            self._migrate(what)

    def _migrate(self, service: str) -> None:
        part = self.catalog.service_part(f"{service}-api")
        done = subprocess.run(
            [*part.command[:-1], "migrate"],
            env=clean_environment(self.catalog.environment(service, "migrate")),
            capture_output=True,
            text=True,
            timeout=MIGRATE_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            raise LocalStackError(f"the migrations of {service} failed:\n{done.stderr.strip() or done.stdout.strip()}")

    def _stop_parts(self, report: Report) -> None:
        def stop(part: Part) -> None:
            part.stop()
            report(f"{part.name} is stopped")

        running = [part for part in self.parts() if part.running()]
        for group in (SERVICE_PARTS, EMULATORS, SERVERS):
            together(stop, [part for part in running if part.name in group])

    def _refuse_if_running(self) -> None:
        owner = self.owner()
        if owner is not None and owner.pid != os.getpid():
            raise LocalStackError(f"this clone's stack is running (process {owner.pid}): `gridcare stop` ends it")
        if (self.root / "run" / "detached").exists() and any(part.running() for part in self.parts()):
            raise LocalStackError("this clone's stack is running: see `gridcare status`, end it by `gridcare stop`")

    def _own(self) -> None:
        """Record this process as the owner. After its death, the next start cleans up what still runs."""
        (self.root / "run").mkdir(exist_ok=True)
        me = ProcessRef.of(os.getpid())
        if me is not None:
            write_atomically(self.root / "run" / "owner.json", json.dumps({"pid": me.pid, "started": me.started}))
        (self.root / "run" / "detached").unlink(missing_ok=True)


@asynccontextmanager
async def running_stack(root: Path, options: StartOptions | None = None) -> AsyncIterator[Stack]:
    """Run a stack for the length of a block, without blocking the event loop."""
    stack = Stack(root)
    await asyncio.to_thread(stack.start, options)
    try:
        yield stack
    finally:
        await asyncio.to_thread(stack.stop)


def erase_stack(root: Path) -> None:
    """Stop a folder's stack and delete its data, secrets and ports.

    Raises LocalStackError if another process owns the stack, or if the folder is not a stack's, since everything in it
    would be deleted.
    """
    if not (root / SETTINGS_FILE).is_file() or (root / ".git").exists():
        raise LocalStackError(f"{root.absolute()} is not the folder of a stack")
    stack = Stack(root)
    owner = stack.owner()
    if owner is not None and owner.pid != os.getpid():
        raise LocalStackError(f"this clone's stack is running (process {owner.pid}): `gridcare stop` ends it")
    stack.stop()
    release_ports(stack.root)
    shutil.rmtree(stack.root)


async def _ensure_topics(bootstrap: str) -> None:
    from gridcare.kafka.admin import ensure_topics  # noqa: PLC0415 - slow to import, and most commands do not need it
    from gridcare.kafka.brokers import Brokers  # noqa: PLC0415 - as above

    await ensure_topics(Brokers(bootstrap), deadline_s=TOPICS_TIMEOUT_S)


def _start_together(parts: Sequence[Part], report: Report) -> None:
    def start(part: Part) -> None:
        part.start()
        report(f"{part.name} is ready")

    together(start, parts)


def _unknown(name: str) -> LocalStackError:
    return LocalStackError(f"there is no part {name!r} in this stack; there can be: {', '.join(ALL_PARTS)}")
