"""Starts the servers of tests: embedded ones, or containers if GRIDCARE_TEST_STACK is `containers`."""

import os
from pathlib import Path
from typing import Final, Protocol

from gridcare_local.errors import LocalStackError
from gridcare_local.servers.kafka import server as kafka_server
from gridcare_local.servers.postgres import server as postgres_server

STACK: Final = "GRIDCARE_TEST_STACK"
EMBEDDED: Final = "embedded"
CONTAINERS: Final = "containers"


class Broker(Protocol):
    """A broker for tests. They may kill it, freeze it, and start it again with the same address and data."""

    bootstrap: str

    def stop(self) -> None: ...

    def kill(self) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def start_again(self) -> None: ...


class DatabaseServer(Protocol):
    """A database server for tests."""

    @property
    def admin_url(self) -> str: ...

    def stop(self) -> None: ...


def start_kafka(data_dir: Path) -> Broker:
    """Start a broker. No other server may use `data_dir`. Raises LocalStackError if it does not start."""
    if not _in_containers():
        return kafka_server.start_kafka(data_dir)
    from gridcare_local.testing import containers  # noqa: PLC0415 - it needs Docker, unlike everything else here

    return containers.start_kafka(data_dir)


def start_postgres(data_dir: Path) -> DatabaseServer:
    """Start a database server without fsync. Raises LocalStackError if it does not start."""
    if not _in_containers():
        return postgres_server.start_postgres(data_dir, durable=False)
    from gridcare_local.testing import containers  # noqa: PLC0415 - as above

    return containers.start_postgres()


def _in_containers() -> bool:
    chosen = os.environ.get(STACK) or EMBEDDED
    if chosen not in {EMBEDDED, CONTAINERS}:
        raise LocalStackError(f"{STACK} is {EMBEDDED} or {CONTAINERS}, not {chosen!r}")
    return chosen == CONTAINERS
