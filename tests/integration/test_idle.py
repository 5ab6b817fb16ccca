"""What each process costs its database while there is nothing to do: every statement of it, as the server's log counts them."""

import time
from collections import Counter
from collections.abc import Iterator

import asyncpg
import pytest
from tests.integration.support.together import run, wait_until

from gridcare_local.servers.postgres.server import PostgresServer, find_postgres
from gridcare_local.stack.catalog import SERVICES
from gridcare_local.stack.stack import Stack

SETTLING_S = 20.0
"""What runs more often after work has passed by then."""
WINDOW_S = 45.0
"""Long enough for the loops of every 30 and 60 seconds to weigh what they cost: a relay runs 0.99 statements a second, and over
20 s the share of one look more or less, or of one such loop, passes the limit of 1."""
PROCESSES = [f"{service} {process}" for service, processes in SERVICES.items() for process in processes]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """Yield the database server of a stack where nothing was ever published; its intervals are those of production."""
    stack = Stack(tmp_path_factory.mktemp("idle"))
    stack.start()
    try:
        found = find_postgres(stack.root / "postgres")
        assert found is not None
        yield found
    finally:
        stack.stop()


async def _log_all(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for setting in ("log_statement = 'all'", "log_line_prefix = '<%a>'"):
            await connection.execute(f"ALTER SYSTEM SET {setting}")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()


def _statements(server: PostgresServer) -> Counter[str]:
    """Count the statements in the server's log by application: BEGIN and COMMIT too, and each run of a prepared one."""
    lines = (server.data_dir / "postgres.log").read_text(errors="replace").splitlines()
    logged = [line for line in lines if ">LOG:  statement: " in line or ">LOG:  execute " in line]
    return Counter(line[1:].partition(">")[0] for line in logged)


def test_idle_processes_are_quiet(server):
    """A process that has nothing to do runs at most one statement a second."""
    time.sleep(SETTLING_S)
    run(_log_all(server.admin_url))
    wait_until(lambda: _statements(server).total() > 0, what="the first statement is logged")
    before = _statements(server)
    time.sleep(WINDOW_S)
    a_second = {name: (_statements(server)[name] - before[name]) / WINDOW_S for name in PROCESSES}
    assert {name: rate for name, rate in a_second.items() if rate > 1} == {}
    assert a_second["outage-notifier worker"] > 0, "nothing was counted"
