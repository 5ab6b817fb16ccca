"""A real embedded PostgreSQL."""

import asyncio
import os
import subprocess
import sys

import asyncpg
import psutil
import pytest

from gridcare_local.errors import LocalStackError
from gridcare_local.servers.postgres import account as postgres_account
from gridcare_local.servers.postgres.databases import ensure_service
from gridcare_local.servers.postgres.server import find_postgres, start_postgres
from gridcare_local.servers.processes import ProcessRef

pytestmark = pytest.mark.server


@pytest.fixture
def server(tmp_path):
    started = start_postgres(tmp_path / "postgres", durable=False)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    """Yield a server that no test stops."""
    started = start_postgres(tmp_path_factory.mktemp("postgres"), durable=False)
    yield started
    started.stop()


async def run(url, sql, *args):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(sql, *args)
    finally:
        await connection.close()


async def test_roles_own_one_database(standing):
    """A service's role owns its database, has no special rights and cannot connect to another service's database."""
    url = standing.urls("outage_notifier").owner
    other = standing.urls("repair_intake").owner
    await run(url, "CREATE TABLE mine (a int)")
    (role,) = await run(url, "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user")
    assert tuple(role) == (False, False, False)
    trespass = other.replace("repair_intake:", "outage_notifier:").replace(
        other.split(":")[2].split("@")[0], url.split(":")[2].split("@")[0]
    )
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(trespass, "SELECT 1")


def test_urls_stay_the_same(standing):
    """A second call for the same database returns the same role and password."""
    assert standing.urls("outage_notifier") == standing.urls("outage_notifier")


async def test_administrator_need_not_be_superuser(standing):
    """On one's own server, a role that may create roles and databases is enough, also when they exist already."""
    await run(standing.admin_url, "CREATE ROLE steward LOGIN CREATEDB CREATEROLE PASSWORD 'steward'")
    steward = f"postgresql://steward:steward@{standing.host}:{standing.port}/postgres"
    for _ in range(2):
        urls = ensure_service(steward, "stewarded", owner_password="secret/@:", app_password="secret/@:")
    await run(urls.owner, "CREATE TABLE mine (a int)")
    assert [
        tuple(row) for row in await run(urls.owner, "SELECT tableowner FROM pg_tables WHERE tablename = 'mine'")
    ] == [("stewarded",)]


def test_name_is_checked(standing):
    """A name that would have to be quoted raises an error before any SQL runs."""
    with pytest.raises(ValueError, match="no name of a database"):
        standing.urls('x"; DROP DATABASE postgres; --')


async def test_wrong_password_is_refused(standing):
    """A connection on the loopback also needs the generated password."""
    with pytest.raises(asyncpg.InvalidPasswordError):
        await run(f"postgresql://postgres:wrong@{standing.host}:{standing.port}/postgres", "SELECT 1")


async def test_only_the_loopback_is_bound(standing):
    """The server listens only on 127.0.0.1 and allows 200 connections."""
    (addresses,) = {c.laddr.ip for c in psutil.Process(standing.pid).net_connections() if c.status == "LISTEN"}
    assert addresses == "127.0.0.1"
    assert (await run(standing.admin_url, "SHOW max_connections"))[0][0] == "200"


async def test_commits_survive_kill(server):
    """After a kill -9, the server starts again on its port with every committed row."""
    url, port = server.urls("outage_notifier").owner, server.port
    await run(url, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS a")
    server.kill()
    assert find_postgres(server.data_dir) is None
    await asyncio.to_thread(server.start_again)
    assert server.port == port
    assert (await run(url, "SELECT count(*) FROM kept"))[0][0] == 1000


async def test_orphans_are_killed(server):
    """A session that was busy when the postmaster was killed does not survive and does not block a new server."""
    connection = await asyncpg.connect(server.admin_url)
    busy = ProcessRef.of(connection.get_server_pid())
    query = asyncio.create_task(connection.execute("DO $$ BEGIN LOOP END LOOP; END $$"))
    await _until_busy(server, busy.pid)
    server.kill()
    await asyncio.to_thread(server.start_again)
    assert not busy.alive()
    with pytest.raises((asyncpg.PostgresConnectionError, ConnectionError)):
        await query
    connection.terminate()


async def _until_busy(server, pid):
    working = "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND state = 'active' AND query LIKE 'DO%'"
    async with asyncio.timeout(10):
        while not await run(server.admin_url, working, pid):  # noqa: ASYNC110 - it waits for another process
            await asyncio.sleep(0.01)


def test_closed_folders_are_entered(tmp_path):
    """The server's account can use programs and data in a folder that only we may enter."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    program = closed / "program"
    program.touch(mode=0o755)
    code = "import os, sys; print(os.geteuid(), os.access(sys.argv[1], os.X_OK))"
    done = subprocess.run(
        [*postgres_account.prefix(), sys.executable, "-c", code, str(program)],
        capture_output=True,
        text=True,
        check=True,
    )
    uid, is_executable = done.stdout.split()
    assert int(uid) != 0
    assert is_executable == "True"


def test_two_at_once(standing, tmp_path):
    """A second server on another folder has its own port, and stopping it does not stop the first."""
    other = start_postgres(tmp_path / "other", durable=True)
    assert other.port != standing.port
    other.stop()
    assert find_postgres(standing.data_dir) is not None


def test_restarts_replace_running_servers(server):
    """Starting a server on a folder whose server still runs stops that one first."""
    forgotten = ProcessRef.of(server.pid)
    server.start_again()
    assert server.pid != forgotten.pid
    assert not forgotten.alive()


def test_recycled_pids_are_left_alone(server):
    """If the pid in the pid file now belongs to another program, that program lives on and the start succeeds."""
    server.stop()
    stale = server.data_dir / "cluster" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{server.data_dir / 'cluster'}\n1\n{server.port}\n\n127.0.0.1\n 0 0\nready   \n")
    server.start_again()
    assert server.is_serving()


def test_errors_include_the_log(tmp_path):
    """If the server cannot start, the error contains the end of its log."""
    server = start_postgres(tmp_path / "postgres", durable=False)
    server.stop()
    (server.data_dir / "cluster" / "global" / "pg_control").unlink()
    with pytest.raises(LocalStackError, match="pg_control"):
        server.start_again()


def test_forgotten_servers_are_stopped(tmp_path):
    """The start of any server stops the servers of killed runs, but not those of living ones."""
    code = (
        "import os, sys; from pathlib import Path; from gridcare_local.servers.postgres.server import start_postgres; "
    )
    code += "start_postgres(Path(sys.argv[1]), durable=False); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "left")], timeout=60, check=False)
    left = find_postgres(tmp_path / "left")
    mine = start_postgres(tmp_path / "mine", durable=False)
    assert left is not None
    assert find_postgres(tmp_path / "left") is None
    other = start_postgres(tmp_path / "other", durable=False)
    assert mine.is_serving()
    mine.stop()
    other.stop()
