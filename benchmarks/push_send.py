"""`push_send`: pushes through our transport and others, over TLS to the same emulator, in alternating rounds."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import msgspec
from benchmarks.firebase import access_token, project_of
from benchmarks.machine import ROOT
from benchmarks.meter import Meter
from benchmarks.options import Options
from benchmarks.push_clients import CONNECTIONS, CONTENDERS, IN_FLIGHT, Done, Task, message_of_ours, token
from benchmarks.results import Run, Section, beside, grouped, middle_cpu_us, middle_rate, ratios, table, times

from gridcare_local.emulators.control import Emulator, start_emulator

UNITS = {"ours": 40_000, "aiohttp": 20_000, "firebase-admin": 2_000, "h2load": 100_000}
TINY = 100
CLIENT_TIMEOUT_S = 600
SUCCEEDED = re.compile(r"(\d+) succeeded")
FINISHED = re.compile(r"finished in ([\d.]+)(us|ms|s|m)\b")
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
MUST_FIREBASE, MUST_H2LOAD = 20, 0.30


def run(options: Options) -> Section:
    """Let every contender send in every round."""
    contenders = [*CONTENDERS, "h2load"] if shutil.which("h2load") else list(CONTENDERS)
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        emulator = start_emulator("fcm", Path(folder))
        try:
            for number in range(options.rounds):
                for name in contenders:
                    units = TINY if options.tiny else UNITS[name]
                    options.say(f"push_send: round {number + 1}, {name}, {units:,} messages")
                    runs.append(_measured(emulator, name, units))
        finally:
            emulator.stop()
    return Section("push_send", _report(runs, options), runs)


def _measured(emulator: Emulator, name: str, units: int) -> Run:
    before = emulator.counts().get("accepted", 0)
    with Meter({"emulator": emulator.process.pid}, reaps=True) as meter:
        done = _h2load(emulator, units) if name == "h2load" else _client(emulator, name, units)
    accepted = emulator.counts()["accepted"] - before
    if accepted < units:
        raise RuntimeError(f"{name}: the emulator accepted {accepted} of {units}")
    share = units / accepted  # the emulator also worked for the warm-up
    return Run(
        name,
        units,
        done.seconds,
        {"client": done.cpu_s, "emulator": meter.cpu_s["emulator"] * share},
        {"client": done.memory_mb, **meter.memory_mb},
        ("client",),
        meter.strangers_share,
    )


def _client(emulator: Emulator, name: str, units: int) -> Done:
    task = Task(emulator.url, str(emulator.ca_file), str(emulator.service_account_file), units)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.push_clients", name],
        input=msgspec.json.encode(task),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        timeout=CLIENT_TIMEOUT_S,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Done)


def _h2load(emulator: Emulator, units: int) -> Done:
    """Send with nghttp2's C client, which shows the most that this server and machine can do."""
    body = emulator.state_dir / "body.json"
    body.write_bytes(message_of_ours().body(kind="token", registration=token(0), delivery_id="0"))
    account = str(emulator.service_account_file)
    authorization = f"authorization: Bearer {access_token(account, str(emulator.ca_file))}"
    connections = min(CONNECTIONS, units)
    command = ["h2load", "-n", str(units), "-c", str(connections), "-m", str(IN_FLIGHT // CONNECTIONS)]
    command += ["-d", str(body), "-H", authorization, "-H", "content-type: application/json"]
    command += [f"{emulator.url}/v1/projects/{project_of(account)}/messages:send"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with (
        process.stdout as pipe,
        Meter({"h2load": process.pid}) as meter,
    ):  # rusage would count our own peak, inherited by the fork
        output = pipe.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    succeeded, finished = SUCCEEDED.search(output), FINISHED.search(output)
    if succeeded is None or finished is None or int(succeeded[1]) != units:
        raise RuntimeError(f"h2load failed:\n{output[-2000:]}")
    seconds = float(finished[1]) * SECONDS[finished[2]]
    return Done(seconds, used.ru_utime + used.ru_stime, meter.memory_mb["h2load"])


def _report(runs: list[Run], options: Options) -> str:
    groups = {name: rounds for (name, _), rounds in grouped(runs).items()}
    base = groups["firebase-admin"]
    rows = [
        (
            name,
            f"{rounds[0].units:,}",
            f"{middle_rate(rounds):,.0f}",
            f"{middle_cpu_us(rounds):,.0f}",
            f"{median(each.cpu_us_of('emulator') for each in rounds):,.0f}",
            f"{max(each.memory_mb['client'] for each in rounds):,.0f}",
            times(ratios(rounds, base)),
        )
        for name, rounds in groups.items()
    ]
    head = (
        "contender",
        "messages",
        "a second",
        "CPU µs each",
        "emulator's µs each",
        "peak MB",
        "rate ÷ firebase-admin",
    )
    ours = groups["ours"]
    text = [
        f"One push over TLS to the FCM emulator, which answers at once; medians of {options.rounds} rounds. Slow",
        "contenders send fewer messages and are compared per message. Ours, firebase-admin and h2load speak HTTP/2,",
        "aiohttp HTTP/1.1.",
        "",
        table(head, rows),
        "",
        f"- ours ÷ firebase-admin: rate {times(ratios(ours, base))} (must reach {times(MUST_FIREBASE)})",
        f"- CPU of firebase-admin ÷ ours: {times(middle_cpu_us(base) / middle_cpu_us(ours))}",
        f"- ours ÷ aiohttp: rate {times(ratios(ours, groups['aiohttp']))}",
    ]
    if "h2load" in groups:
        text.append(f"- ours ÷ h2load: rate {ratios(ours, groups['h2load']):.0%} (must reach {MUST_H2LOAD:.0%})")
    else:
        text.append("- h2load is not installed here, so there is no figure of what the server can do at most")
    text.append(beside(runs))
    return "\n".join(text)
