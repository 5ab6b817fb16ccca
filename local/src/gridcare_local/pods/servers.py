"""PostgreSQL and Kafka as pods: each starts on its volume, serves other pods, and stops cleanly with its pod."""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Final, Protocol

from gridcare_local.servers.kafka.server import start_kafka
from gridcare_local.servers.postgres.databases import ensure_service
from gridcare_local.servers.postgres.server import start_postgres
from gridcare_local.servers.processes import ProcessRef
from gridcare_local.stack.catalog import DATABASES

POSTGRES_PORT: Final = 5432
KAFKA: Final = "kafka:9092"
LOOK_INTERVAL_S: Final = 1.0
READY: Final = Path("/tmp/ready")  # noqa: S108 - the pod's own; its readiness probe looks for it


class Server(Protocol):
    """The handle of a server."""

    pid: int

    def stop(self) -> None: ...


def postgres() -> int:
    """Serve a database for each service; their roles have the password in POD_DATABASE_PASSWORD."""
    server = start_postgres(_volume(), durable=True, public_port=POSTGRES_PORT)
    for name in DATABASES:
        password = os.environ["POD_DATABASE_PASSWORD"]
        ensure_service(server.admin_url, name, owner_password=password, app_password=password)
    return _stay(server)


def kafka() -> int:
    """Serve a broker that other pods know as kafka:9092."""
    return _stay(start_kafka(_volume(), public=KAFKA))


def _volume() -> Path:
    return Path(os.environ["POD_VOLUME"]) / "server"


def _stay(server: Server) -> int:
    """Wait for the pod's end or the server's, and return 1 if the server died."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    READY.touch()
    process = ProcessRef.of(server.pid)
    while not told.wait(LOOK_INTERVAL_S):
        if process is None or not process.alive():
            sys.stderr.write("the server died\n")
            return 1
    server.stop()
    return 0
