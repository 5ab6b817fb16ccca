"""The databases and servers of the stack, reached past the proxies."""

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil

from gridcare.values.clock import SystemClock
from gridcare_local.servers.postgres.server import PostgresServer, find_postgres
from gridcare_local.stack.stack import Stack


class Databases:
    """What the campaign asks PostgreSQL, and how it stops it."""

    stack: Stack
    root: Path

    @property
    def now(self) -> datetime:
        """The time by the clock of the stack's processes."""
        return SystemClock(self.stack.settings.clock_offset_s).now()

    def postgres_server(self) -> PostgresServer:
        """Return the running server."""
        server = find_postgres(self.root / "postgres")
        assert server is not None, "PostgreSQL does not run"
        return server

    def stop_postgres_at_once(self) -> None:
        """Stop PostgreSQL without a shutdown checkpoint: SIGQUIT, as `pg_ctl stop -m immediate` does."""
        process = self.stack.part("postgres").running()
        if process is not None:
            process.send(signal.SIGQUIT)
            process.wait_gone(20)

    def limit_postgres_files(self, size_bytes: int) -> None:
        """Let no file of PostgreSQL grow beyond a size, in any of its processes. Does nothing if it does not run."""
        running = self.stack.part("postgres").running()
        if running is None:
            return
        postmaster = psutil.Process(running.pid)
        with _owning(postmaster):
            for process in [postmaster, *postmaster.children()]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.rlimit(psutil.RLIMIT_FSIZE, (size_bytes, psutil.RLIM_INFINITY))

    def address(self, service: str) -> str:
        """Return the address of a service's database for its own role."""
        return self.stack.settings.addresses[service.replace("-", "_")]

    async def fetch(self, service: str, sql: str, *values: object) -> list[asyncpg.Record]:
        """Return the rows of a query."""
        connection = await asyncpg.connect(self.address(service), timeout=20)
        try:
            return await connection.fetch(sql, *values, timeout=120)
        finally:
            await connection.close(timeout=5)

    async def snapshot(self, service: str, queries: Mapping[str, str]) -> dict[str, list[asyncpg.Record]]:
        """Return the rows of several queries as of one moment, by their names."""
        connection = await asyncpg.connect(self.address(service), timeout=20)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return {name: await connection.fetch(sql, timeout=120) for name, sql in queries.items()}
        finally:
            await connection.close(timeout=5)

    def admin_address(self, service: str = "") -> str:
        """Return the superuser's address of a service's database, or of the server's own."""
        url = self.postgres_server().admin_url
        return urlunsplit(urlsplit(url)._replace(path=f"/{service.replace('-', '_')}")) if service else url

    async def administer(self, service: str, script: str) -> str:
        """Run statements as the superuser in a service's database, and return the last one's tag."""
        connection = await asyncpg.connect(self.admin_address(service), timeout=20)
        try:
            return str(await connection.execute(script, timeout=120))
        finally:
            await connection.close(timeout=5)


@contextlib.contextmanager
def _owning(process: psutil.Process) -> Iterator[None]:
    """Be the owner of a process for a moment, by the real ids.

    The kernel lets nobody else set its limits, not even root in a container. Where PostgreSQL runs under one's own account
    that changes nothing.
    """
    user, group = os.getuid(), os.getgid()
    os.setresgid(process.gids().real, -1, -1)
    os.setresuid(process.uids().real, -1, -1)
    try:
        yield
    finally:
        os.setresuid(user, -1, -1)
        os.setresgid(group, -1, -1)
