"""A database for each service, on the embedded server or on the user's own, with a role that owns it and one that uses it."""

import asyncio
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

CONNECT_TIMEOUT_S = 20.0
STATEMENT_TIMEOUT_S = 60.0
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Login:
    """A role that may log in."""

    name: str
    password: str

    def at(self, server_url: str, database: str) -> str:
        """Return the address of a database for this role, on the server of another address."""
        parts = urlsplit(server_url)
        netloc = f"{self.name}:{quote(self.password, safe='')}@{parts.netloc.rpartition('@')[2]}"
        return urlunsplit(parts._replace(netloc=netloc, path=f"/{database}"))


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """The addresses of a database: for its owner, who migrates it, and for the processes (`app`)."""

    owner: str
    app: str


def ensure_service(admin_url: str, service: str, *, owner_password: str, app_password: str) -> DatabaseUrls:
    """Create the service's roles (no superusers) and its database if they are missing, and return the database's addresses.

    The role of `admin_url` must be able to create roles and databases. An event loop may be running. Raises ValueError
    if the name would have to be quoted.
    """
    if not NAME.fullmatch(service):
        raise ValueError(f"{service!r} is no name of a database: {NAME.pattern}")
    owner, app = Login(service, owner_password), Login(f"{service}_app", app_password)
    with ThreadPoolExecutor(1) as thread:  # with its own event loop, since the caller's may be running
        thread.submit(asyncio.run, _ensure(admin_url, service, owner, app)).result()
    return DatabaseUrls(owner.at(admin_url, service), app.at(admin_url, service))


async def _ensure(admin_url: str, service: str, owner: Login, app: Login) -> None:
    connection = await asyncpg.connect(admin_url, timeout=CONNECT_TIMEOUT_S, command_timeout=STATEMENT_TIMEOUT_S)
    try:
        # a lock, since CREATE DATABASE cannot run in the transaction that looks whether the database exists
        await connection.execute("SELECT pg_advisory_lock(hashtext('gridcare.ensure_service'))")
        await ensure_roles(connection, owner, app, [f"gridcare_{service}_app"])
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", service):
            await connection.execute(f"CREATE DATABASE {service} OWNER {owner.name} TEMPLATE template0")
            await connection.execute(f"REVOKE ALL ON DATABASE {service} FROM PUBLIC")
        await connection.execute(f"GRANT CONNECT ON DATABASE {service} TO {app.name}")
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)


async def ensure_roles(
    connection: "asyncpg.Connection[asyncpg.Record]", owner: Login, app: Login, groups: Iterable[str]
) -> None:
    """Create an owner and a login that is a member of the groups, and the groups, as far as they are missing."""
    for login in (owner, app):
        literal = "'" + login.password.replace("'", "''") + "'"
        verb = "ALTER" if await _has_role(connection, login.name) else "CREATE"
        await connection.execute(f"{verb} ROLE {login.name} LOGIN PASSWORD {literal}")  # a new role has no other rights
    await connection.execute(
        f"GRANT {owner.name} TO CURRENT_USER"
    )  # without superuser rights, needed to name another owner
    for group in groups:
        if not await _has_role(connection, group):
            await connection.execute(f"CREATE ROLE {group} NOLOGIN")
        await connection.execute(f"GRANT {group} TO {app.name}")


async def _has_role(connection: "asyncpg.Connection[asyncpg.Record]", name: str) -> bool:
    return bool(await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name))
