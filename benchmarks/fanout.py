"""`fanout`: from publishing an outage until all pushes are recorded, on the real stack and in an ordinary service."""

import asyncio
import dataclasses
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
from benchmarks.completed import Completions
from benchmarks.fanout_report import report
from benchmarks.machine import ROOT
from benchmarks.meter import Meter
from benchmarks.options import Options
from benchmarks.ordinary import OrdinaryTask
from benchmarks.push_clients import Done
from benchmarks.results import Run, Section
from benchmarks.town import DATABASE, feeder, settle_in

from gridcare_local.demo.client import Client
from gridcare_local.demo.cut import DAYS_AHEAD, NOTIFIER, draft
from gridcare_local.demo.site import StackSite
from gridcare_local.stack.parts import Part, ProcessPart
from gridcare_local.stack.probes import http_probe
from gridcare_local.stack.stack import Stack, StartOptions, running_stack
from gridcare_local.stack.together import together

SERVERS = ("postgres", "kafka", "fcm")
PROCESSES = tuple(f"{NOTIFIER}-{process}" for process in ("api", "planner", "sender", "worker", "relay"))
PARTS = (*SERVERS, "oidc", *PROCESSES)
SHORT = {name: name.removeprefix(f"{NOTIFIER}-") for name in (*SERVERS, *PROCESSES)}
SECOND = "sender 2"
OWN = tuple(SHORT[name] for name in ("postgres", *PROCESSES))
"""The processes whose cost is ours. Kafka is reported separately: its virtual machine compiles code for minutes."""

ENVIRONMENT = {"GRIDCARE_PUSH_RATE_PER_S": "1000000", "GRIDCARE_QUIET_HOURS": "00:00-00:00"}
"""No provider's quota and no quiet hours, so that only our own speed is measured."""

WARM_UP = 1_000
ORDINARY_UNITS = 2_000
TIMEOUT_S = 1_800.0


def run(options: Options) -> Section:
    """Let the ordinary service and ours do the job in every round, ours at every size."""
    return asyncio.run(_run(options))


async def _run(options: Options) -> Section:
    runs: list[Run] = []
    with tempfile.TemporaryDirectory() as folder:
        async with running_stack(Path(folder), StartOptions(names=PARTS, environment=ENVIRONMENT)) as stack:
            warm_up = min(WARM_UP, *options.recipients) - 1
            options.say("fanout: making the town")
            await settle_in(stack, {warm_up, *options.recipients})
            for number in range(options.rounds):
                units = min(ORDINARY_UNITS, *options.recipients)
                options.say(f"fanout: round {number + 1}, ordinary, {units:,} recipients")
                runs.append(await asyncio.to_thread(_ordinary, stack, units, number))
                for size in options.recipients:
                    options.say(f"fanout: round {number + 1}, ours, {size:,} recipients")
                    runs.append(await _ours(stack, size, warm_up, anew=not options.tiny))
                largest = options.recipients[-1]
                options.say(f"fanout: round {number + 1}, ours with two senders, {largest:,} recipients")
                with _second_sender(stack) as second:
                    runs.append(await _ours(stack, largest, warm_up, anew=not options.tiny, second=second))
    return Section("fanout", report(runs, options.rounds), runs)


async def _ours(stack: Stack, size: int, warm_up: int, *, anew: bool, second: ProcessPart | None = None) -> Run:
    """Send a notice to a few recipients as a warm-up, then one to all, which is measured.

    With `anew`, the processes are restarted first, so that their memory peaks belong to this run.
    """
    if anew:
        await asyncio.to_thread(together, stack.restart, PROCESSES)
    parts = _parts(stack, SHORT)
    if second is not None:
        await asyncio.to_thread(second.start)
        parts[SECOND] = second
    planner = Client(StackSite(stack), "planner")
    async with Completions.open(stack.settings.addresses["kafka"]) as completions:
        await _tell(stack, planner, warm_up, completions)
        with Meter(_pids(parts)) as meter:
            seconds = await _tell(stack, planner, size, completions)
    name, own = ("ours, two senders", (*OWN, SECOND)) if second else ("ours", OWN)
    return Run(name, size, seconds, meter.cpu_s, meter.memory_mb, own, meter.strangers_share)


async def _tell(stack: Stack, planner: Client, size: int, completions: Completions) -> float:
    """Publish a cut of a feeder and return the seconds until its announcement was complete, all pushes accepted."""
    offset_s = stack.settings.clock_offset_s
    outage_id = await asyncio.to_thread(draft, planner, [feeder(size)], days_ahead=DAYS_AHEAD, clock_offset_s=offset_s)
    started_s = time.perf_counter()
    published = await asyncio.to_thread(planner.post, NOTIFIER, f"/v1/outages/{outage_id}/publish", {})
    completed = await completions.wait(published["notice_ids"], timeout_s=TIMEOUT_S)
    seconds = time.perf_counter() - started_s
    told = {state: count for state, count in completed.states.items() if count}
    if completed.audience != size or told != {"accepted": size}:
        raise RuntimeError(f"of {size} recipients: audience {completed.audience}, {told}")
    return seconds


@contextmanager
def _second_sender(stack: Stack) -> Iterator[ProcessPart]:
    """Yield a second sender for the caller to start. It is stopped at the end."""
    port = f"{NOTIFIER}-{SECOND}.health"
    stack.settings.claim_missing_ports([port])
    first = stack.catalog.service_part(f"{NOTIFIER}-sender")
    health = stack.settings.ports[port]
    second = dataclasses.replace(
        first,
        name=f"{NOTIFIER}-sender-2",
        environment={**first.environment, "GRIDCARE_HEALTH_PORT": str(health)},
        probe=http_probe(f"http://127.0.0.1:{health}/readyz"),
    )
    try:
        yield second
    finally:
        second.stop()


def _parts(stack: Stack, names: Iterable[str]) -> dict[str, Part]:
    return {SHORT[name]: stack.part(name) for name in names}


def _pids(parts: Mapping[str, Part]) -> dict[str, int]:
    running = {name: part.running() for name, part in parts.items()}
    return {name: process.pid for name, process in running.items() if process is not None}


def _ordinary(stack: Stack, units: int, number: int) -> Run:
    task = OrdinaryTask(
        fcm_url=stack.catalog.emulator_url("fcm"),
        ca_file=str(stack.catalog.emulator_dir("fcm") / "ca.pem"),
        credentials_file=str(stack.catalog.emulator_dir("fcm") / "service-account.json"),
        database_url=stack.settings.addresses[f"{DATABASE}.owner"],  # it makes tables of its own
        kafka=stack.settings.addresses["kafka"],
        topic=f"ordinary-{number}",
        units=units,
    )
    command = [sys.executable, "-m", "benchmarks.ordinary"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as service:
        assert service.stdin is not None
        assert service.stdout is not None
        service.stdin.write(msgspec.json.encode(task) + b"\n")
        service.stdin.flush()
        service.stdout.readline()
        with Meter(_pids(_parts(stack, SERVERS)), reaps=True) as meter:
            output, _ = service.communicate(b"\n", timeout=TIMEOUT_S)
    if service.returncode:
        raise RuntimeError(f"the ordinary service ended with {service.returncode}")
    measured = msgspec.json.decode(output, type=Done)
    cpu_s = {"service": measured.cpu_s, **meter.cpu_s}
    return Run(
        "ordinary",
        units,
        measured.seconds,
        cpu_s,
        {"service": measured.memory_mb, **meter.memory_mb},
        ("service", "postgres"),
        meter.strangers_share,
    )
