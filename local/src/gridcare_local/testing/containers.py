"""PostgreSQL and Kafka for tests in containers (testcontainers), with the settings of the embedded servers.

Ryuk removes the containers of a test run when it ends. Without Ryuk, the next run removes them.
"""

import os
import secrets
import socket
import time
from pathlib import Path
from typing import Final

from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from gridcare_local.errors import LocalStackError
from gridcare_local.servers.kafka.probe import is_serving
from gridcare_local.servers.kafka.properties import SINGLE_NODE, new_cluster_id
from gridcare_local.servers.ports import claim_ports, release_ports
from gridcare_local.servers.postgres.server import CONNECTIONS_MAX
from gridcare_local.servers.processes import ProcessRef

POSTGRES_IMAGE: Final = "postgres:15"
"""The oldest version that Gridcare supports. The embedded server has the newest."""

KAFKA_IMAGE: Final = "apache/kafka:4.3.1"
"""The version of the embedded broker."""

KAFKA_PORT: Final = 9092
CONTROLLER_PORT: Final = 9093
START_TIMEOUT_S: Final = 90.0
POLL_S: Final = 0.1
OWNER_LABEL: Final = "gridcare.owner"
ADMIN: Final = "postgres"
LOOPBACK: Final = "127.0.0.1"


class KafkaContainer(DockerContainer):
    """A single-node broker on a claimed port of this machine, which stays reserved while the broker is down."""

    def __init__(self, folder: Path) -> None:
        super().__init__(KAFKA_IMAGE, labels=_owner())
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        (self._port,) = claim_ports(folder, 1)
        self.bootstrap = f"{_host(self)}:{self._port}"
        self.with_bind_ports(KAFKA_PORT, self._port)
        _bind_to_loopback(self, KAFKA_PORT, self._port)
        self.with_env("CLUSTER_ID", new_cluster_id())
        self.with_env("KAFKA_HEAP_OPTS", "-Xmx512m")
        settings = SINGLE_NODE | {
            "controller.quorum.voters": f"1@localhost:{CONTROLLER_PORT}",
            "listeners": f"BROKER://0.0.0.0:{KAFKA_PORT},CONTROLLER://localhost:{CONTROLLER_PORT}",
            "advertised.listeners": f"BROKER://{self.bootstrap}",
            "log.dirs": "/tmp/kafka-data",  # noqa: S108 - a folder in the container, which its account may write to
        }
        for name, value in settings.items():
            self.with_env("KAFKA_" + name.upper().replace(".", "_"), value)

    def start(self) -> "KafkaContainer":
        """Start it and wait until it serves. Raises LocalStackError with the end of its log if it does not."""
        super().start()
        self._wait_serving()
        return self

    def stop(self, force: bool = True, delete_volume: bool = True) -> None:  # noqa: FBT001, FBT002 - testcontainers' signature
        """Remove it with its data and release its port."""
        super().stop(force, delete_volume)
        release_ports(self._folder)

    def kill(self) -> None:
        """Kill it as a crash would (SIGKILL)."""
        self.get_wrapped_container().kill()
        self.get_wrapped_container().wait()

    def start_again(self) -> None:
        """Start it again after a kill, with the same data and port."""
        self.get_wrapped_container().start()
        self._wait_serving()

    def pause(self) -> None:
        """Freeze it: connections are accepted, but nothing is answered."""
        self.get_wrapped_container().pause()

    def resume(self) -> None:
        """Continue a frozen broker."""
        self.get_wrapped_container().unpause()

    def _wait_serving(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not is_serving(_host(self), self._port):
            if time.monotonic() > deadline:
                log = self.get_wrapped_container().logs(tail=15).decode(errors="replace")
                raise LocalStackError(f"Kafka was not ready after {START_TIMEOUT_S:.0f} s; the end of its log:\n{log}")
            time.sleep(POLL_S)


class PostgresServerContainer(PostgresContainer):
    """A database server without fsync, its data in memory."""

    def __init__(self) -> None:
        password = secrets.token_urlsafe(18)
        super().__init__(POSTGRES_IMAGE, username=ADMIN, password=password, dbname=ADMIN, driver=None, labels=_owner())
        self.with_tmpfs_mount("/var/lib/postgresql/data")  # a database is copied for each test
        # sort text by code points, as the embedded server does
        self.with_env("POSTGRES_INITDB_ARGS", "--encoding=UTF8 --locale=C.UTF-8")
        settings = {
            "max_connections": str(CONNECTIONS_MAX),
            "timezone": "UTC",
            "fsync": "off",
            "full_page_writes": "off",
        }
        _bind_to_loopback(self, self.port)
        self.with_command([word for name, value in settings.items() for word in ("-c", f"{name}={value}")])

    @property
    def admin_url(self) -> str:
        """The address of the superuser's database."""
        return self.get_connection_url(_host(self))


def start_kafka(folder: Path) -> KafkaContainer:
    """Start a broker with a port that is claimed for `folder`."""
    remove_forgotten()
    return KafkaContainer(folder).__enter__()


def start_postgres() -> PostgresServerContainer:
    """Start a database server on a free port."""
    remove_forgotten()
    return PostgresServerContainer().__enter__()


def remove_forgotten() -> None:
    """Remove the containers of dead test runs on this machine."""
    here = socket.gethostname()
    client = DockerClient().client
    try:
        for container in client.containers.list(all=True, filters={"label": OWNER_LABEL}):
            host, pid, started = container.labels[OWNER_LABEL].split("|")
            if host == here and not ProcessRef(int(pid), float(started)).alive():
                container.remove(force=True, v=True)
    finally:
        client.close()


def _owner() -> dict[str, str]:
    me = ProcessRef.of(os.getpid())
    return {} if me is None else {OWNER_LABEL: f"{socket.gethostname()}|{me.pid}|{me.started}"}


def _bind_to_loopback(container: DockerContainer, port: int, host_port: int | None = None) -> None:
    """Publish a port to this machine alone: the broker asks nobody for a password. A daemon elsewhere publishes to all."""
    if _host(container) == LOOPBACK:
        container.ports[str(port)] = (LOOPBACK, host_port)  # type: ignore[assignment]  # docker takes pairs too


def _host(container: DockerContainer) -> str:
    """Return the address of the machine that serves the containers' ports."""
    host = container.get_docker_client().host()
    return LOOPBACK if host == "localhost" else host  # on ::1 the port may be another one
