"""PostgreSQL and Kafka of a stack: embedded in its folder, or the user's own, named by environment variables."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gridcare_local.servers.kafka.jars import Progress
from gridcare_local.servers.kafka.server import KafkaServer, find_kafka, start_kafka
from gridcare_local.servers.postgres.databases import DatabaseUrls, ensure_service
from gridcare_local.servers.postgres.server import PostgresServer, find_postgres, start_postgres
from gridcare_local.servers.processes import ProcessRef
from gridcare_local.stack.catalog import DATABASES
from gridcare_local.stack.settings import StackSettings

OWN_POSTGRES = "GRIDCARE_POSTGRES_URL"
OWN_KAFKA = "GRIDCARE_KAFKA_BOOTSTRAP"
SERVERS = ("postgres", "kafka")


class Server(Protocol):
    """The handle of an embedded server."""

    pid: int

    def stop(self) -> None: ...

    def kill(self) -> None: ...

    def is_serving(self) -> bool: ...


@dataclass(frozen=True)
class ServerPart:
    """An embedded server as a part of a stack. Its own module provides `begin` and `find`."""

    name: str
    log: Path
    begin: Callable[[], Server]
    find: Callable[[], Server | None]
    url: str = ""
    health: str = ""

    def start(self) -> None:
        self.begin()

    def stop(self) -> None:
        server = self.find()
        if server is not None:
            server.stop()

    def kill(self) -> None:
        server = self.find()
        if server is not None:
            server.kill()

    def running(self) -> ProcessRef | None:
        server = self.find()
        return None if server is None else ProcessRef.of(server.pid)

    def ready(self) -> bool:
        server = self.find()
        return server is not None and server.is_serving()


def server_parts(root: Path, progress: Progress | None = None) -> list[ServerPart]:
    """Return the parts of the embedded servers. The user's own servers are no parts."""
    postgres, kafka = root / "postgres", root / "kafka"
    parts = []
    if not os.environ.get(OWN_POSTGRES):
        parts.append(_postgres_part(postgres))
    if not os.environ.get(OWN_KAFKA):
        parts.append(_kafka_part(kafka, progress))
    return parts


def addresses(settings: StackSettings) -> dict[str, str]:
    """Return the addresses of the services' databases (created if missing) by name, and that of the broker as `kafka`.

    `<name>` is for the role of the processes, `<name>.owner` for the one that migrates. Servers that do not run are left out.
    """
    databases: dict[str, DatabaseUrls] = {}
    by_name: dict[str, str] = {}
    own_postgres, own_kafka = os.environ.get(OWN_POSTGRES), os.environ.get(OWN_KAFKA)
    if own_postgres:
        password = settings.secrets["database_password"]
        databases = {
            name: ensure_service(
                own_postgres, name, owner_password=password, app_password=settings.secrets["app_password"]
            )
            for name in DATABASES
        }
    elif postgres := find_postgres(settings.root / "postgres"):
        databases = {name: postgres.urls(name) for name in DATABASES}
    for name, urls in databases.items():
        by_name |= {name: urls.app, f"{name}.owner": urls.owner}
    if own_kafka:
        by_name["kafka"] = own_kafka
    elif kafka := find_kafka(settings.root / "kafka"):
        by_name["kafka"] = kafka.bootstrap
    return by_name


def _postgres_part(data_dir: Path) -> ServerPart:
    def begin() -> PostgresServer:
        return start_postgres(data_dir, durable=True, outlives_us=True)

    return ServerPart("postgres", data_dir / "postgres.log", begin, lambda: find_postgres(data_dir))


def _kafka_part(data_dir: Path, progress: Progress | None) -> ServerPart:
    def begin() -> KafkaServer:
        return start_kafka(data_dir, outlives_us=True, progress=progress)

    return ServerPart("kafka", data_dir / "kafka.log", begin, lambda: find_kafka(data_dir))
