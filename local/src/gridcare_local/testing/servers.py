"""A pytest plugin: one real broker and one real database server a test session; topics and a database of one's own a test.

`GRIDCARE_KAFKA_BOOTSTRAP` and `GRIDCARE_POSTGRES_URL` (a role that may create databases) name servers to use instead of
starting some; GRIDCARE_TEST_STACK=containers starts them in containers. What a test makes there has a random name.
"""

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from gridcare.events import Topic
from gridcare.kafka.admin import ensure_topics
from gridcare.postgres.database import Database
from gridcare.postgres.migrate import migrate
from gridcare_local.testing.backend import Broker, start_kafka, start_postgres

NewTopic = Callable[..., Awaitable[Topic]]

POOL_SIZE = 8


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the session's broker, `host:port`. Whoever stops or kills a broker takes `own_kafka`."""
    given = os.environ.get("GRIDCARE_KAFKA_BOOTSTRAP")
    if given:
        yield given
        return
    server = start_kafka(tmp_path_factory.mktemp("kafka"))
    try:
        yield server.bootstrap
    finally:
        server.stop()


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[Broker]:
    """Start a broker of the test's own, to be stopped, killed and started again."""
    server = start_kafka(tmp_path / "kafka")
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def postgres_admin_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the session's database server, for a role that may create databases."""
    given = os.environ.get("GRIDCARE_POSTGRES_URL")
    if given:
        yield given
        return
    server = start_postgres(tmp_path_factory.mktemp("postgres"))
    try:
        yield server.admin_url
    finally:
        server.stop()


@pytest.fixture(scope="session")
async def plumbing_template(postgres_admin_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Name of a database that holds the shared tables, to copy from."""
    async with template_database(postgres_admin_url, tmp_path_factory.mktemp("no-migrations")) as name:
        yield name


@pytest.fixture
async def database_url(postgres_admin_url: str, plumbing_template: str) -> AsyncIterator[str]:
    """Address of a database of the test's own, with the shared tables; a service's tests have one with its own tables too."""
    async with copied_database(postgres_admin_url, plumbing_template) as url:
        yield url


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """Open the test's own database."""
    async with Database.open(database_url, application_name="tests", pool_size=POOL_SIZE) as opened:
        yield opened


@pytest.fixture
def new_topic(kafka_bootstrap: str) -> NewTopic:
    """Give a function that makes a topic of the test's own; it takes the number of partitions."""
    return topic_maker(kafka_bootstrap)


def topic_maker(bootstrap: str) -> NewTopic:
    """Give what `new_topic` gives, for a broker of one's own."""

    async def make(*, partitions: int = 1, compacted: bool = False) -> Topic:
        letters = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(12))
        topic = Topic(f"test-{letters}.v1", partitions=partitions, compacted=compacted)
        await ensure_topics(bootstrap, [topic])
        return topic

    return make


@asynccontextmanager
async def template_database(admin_url: str, migrations: Path) -> AsyncIterator[str]:
    """Make a database with the shared tables and those of `migrations`, to copy from; gives its name."""
    name = f"template_{secrets.token_hex(4)}"
    await _execute(admin_url, f"CREATE DATABASE {name}")
    try:
        await migrate(database_url_of(admin_url, name), migrations)
        yield name
    finally:
        await _execute(admin_url, f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def copied_database(admin_url: str, template: str) -> AsyncIterator[str]:
    """Copy a template (some 50 ms); gives the copy's address."""
    name = f"test_{secrets.token_hex(6)}"
    await _execute(admin_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield database_url_of(admin_url, name)
    finally:
        await _execute(admin_url, f"DROP DATABASE {name} WITH (FORCE)")


def database_url_of(admin_url: str, name: str) -> str:
    """Give the address of another database on the same server."""
    return urlunsplit(urlsplit(admin_url)._replace(path=f"/{name}"))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=30)
    try:
        await connection.execute(statement)
    finally:
        await connection.close(timeout=30)
