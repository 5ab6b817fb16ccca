"""A database and a role for each service, on the embedded server or on the user's own."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

CONNECT_TIMEOUT_S = 20.0
STATEMENT_TIMEOUT_S = 60.0
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def ensure_service(admin_url: str, service: str, password: str) -> str:
    """Create the service's role (no superuser) and its database if they are missing, and return the database's address.

    The role of `admin_url` must be able to create roles and databases. An event loop may be running. Raises ValueError
    if the name would have to be quoted.
    """
    if not NAME.fullmatch(service):
        raise ValueError(f"{service!r} is no name of a database: {NAME.pattern}")
    with ThreadPoolExecutor(1) as thread:  # with its own event loop, since the caller's may be running
        thread.submit(asyncio.run, _ensure(admin_url, service, password)).result()
    parts = urlsplit(admin_url)
    address = f"{service}:{quote(password, safe='')}@{parts.netloc.rpartition('@')[2]}"
    return urlunsplit(parts._replace(netloc=address, path=f"/{service}"))


async def _ensure(admin_url: str, service: str, password: str) -> None:
    connection = await asyncpg.connect(admin_url, timeout=CONNECT_TIMEOUT_S, command_timeout=STATEMENT_TIMEOUT_S)
    try:
        # a lock, since CREATE DATABASE cannot run in the transaction that looks whether the database exists
        await connection.execute("SELECT pg_advisory_lock(hashtext('gridcare.ensure_service'))")
        literal = "'" + password.replace("'", "''") + "'"
        verb = "ALTER" if await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", service) else "CREATE"
        await connection.execute(f"{verb} ROLE {service} LOGIN PASSWORD {literal}")  # a new role has no other rights
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", service):
            await connection.execute(
                f"GRANT {service} TO CURRENT_USER"
            )  # without superuser rights, needed to name another owner
            await connection.execute(f"CREATE DATABASE {service} OWNER {service} TEMPLATE template0")
            await connection.execute(f"REVOKE ALL ON DATABASE {service} FROM PUBLIC")
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)
