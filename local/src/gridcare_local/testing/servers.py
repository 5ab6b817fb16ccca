"""A pytest plugin with a real broker and database server for each session, and topics and a database for each test.

GRIDCARE_KAFKA_BOOTSTRAP and GRIDCARE_POSTGRES_URL (a role that may create databases) name servers to use instead of
starting some. GRIDCARE_TEST_STACK=containers starts them in containers. Topics and databases of tests have random
names.
"""

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg
import pytest

from gridcare.events import Topic
from gridcare.kafka.admin import ensure_topics
from gridcare.kafka.brokers import Brokers
from gridcare.postgres.database import Database
from gridcare.postgres.schema.grants import Grants, give_grants
from gridcare.postgres.schema.migrate import migrate
from gridcare_local.servers.postgres.databases import DatabaseUrls, Login, ensure_roles
from gridcare_local.testing.backend import Broker, start_kafka, start_postgres

NewTopic = Callable[..., Awaitable[Topic]]
TemplateOf = Callable[[Path, Grants], Awaitable[str]]

POOL_SIZE = 8
OWNER, APP = "gridcare_tests_owner", "gridcare_tests_app"
"""Who owns the databases of tests, and who uses them as a service's processes do."""


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the `host:port` of the session's broker. Tests that stop or kill a broker use `own_kafka`."""
    given = os.environ.get("GRIDCARE_KAFKA_BOOTSTRAP")
    if given:
        yield given
        return
    server = start_kafka(tmp_path_factory.mktemp("kafka"))
    try:
        yield server.bootstrap
    finally:
        server.stop()


@pytest.fixture(scope="session")
def brokers(kafka_bootstrap: str) -> Brokers:
    """Return the session's broker as the services know it."""
    return Brokers(kafka_bootstrap)


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[Broker]:
    """Yield a broker for one test, which may stop, kill and restart it."""
    server = start_kafka(tmp_path / "kafka")
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def postgres_admin_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of the session's database server for a role that may create databases."""
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
async def template_of(postgres_admin_url: str) -> AsyncIterator[TemplateOf]:
    """Yield a function that returns the name of a database to copy from: with the shared tables and those of a service."""
    made: dict[Path, str] = {}
    async with AsyncExitStack() as stack:

        async def name(migrations: Path, grants: Grants) -> str:
            if migrations not in made:
                template = template_database(postgres_admin_url, migrations, grants)
                made[migrations] = await stack.enter_async_context(template)
            return made[migrations]

        yield name


@pytest.fixture(scope="session")
def migrations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the migrations beside the shared ones: an empty one. A service's tests override it."""
    return tmp_path_factory.mktemp("no-migrations")


@pytest.fixture(scope="session")
def grants() -> Grants:
    """Return what the processes may do: with the shared tables alone. A service's tests override it."""
    return Grants("gridcare_shared_app", {})


@pytest.fixture
async def database_urls(
    postgres_admin_url: str, template_of: TemplateOf, migrations: Path, grants: Grants
) -> AsyncIterator[DatabaseUrls]:
    """Yield the addresses of a new database with the tables of the migrations."""
    async with copied_database(postgres_admin_url, await template_of(migrations, grants)) as urls:
        yield urls


@pytest.fixture
def database_url(database_urls: DatabaseUrls) -> str:
    """Return the address of the test's database for the role of the processes."""
    return database_urls.app


@pytest.fixture
def owner_url(database_urls: DatabaseUrls) -> str:
    """Return the address of the test's database for the role that owns it."""
    return database_urls.owner


@pytest.fixture
async def owner_db(owner_url: str) -> AsyncIterator[Database]:
    """Yield the test's database, opened for its owner: for what no process does, such as making a table."""
    async with Database.open(owner_url, application_name="tests", pool_size=POOL_SIZE) as opened:
        yield opened


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """Yield the test's database, opened."""
    async with Database.open(database_url, application_name="tests", pool_size=POOL_SIZE) as opened:
        yield opened


@pytest.fixture
def new_topic(kafka_bootstrap: str) -> NewTopic:
    """Return a function that creates a topic for one test, with a number of partitions."""
    return topic_maker(kafka_bootstrap)


def topic_maker(bootstrap: str) -> NewTopic:
    """Return a function that creates topics with random names on a broker."""

    async def make(*, partitions: int = 1, compacted: bool = False) -> Topic:
        letters = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(12))
        topic = Topic(f"test-{letters}.v1", partitions=partitions, compacted=compacted)
        await ensure_topics(Brokers(bootstrap), [topic])
        return topic

    return make


@asynccontextmanager
async def template_database(admin_url: str, migrations: Path, grants: Grants) -> AsyncIterator[str]:
    """Create a database with the shared tables and those of `migrations`, to copy from, and yield its name."""
    async with empty_database(admin_url, grants, prefix="template") as urls:
        await migrate(urls.owner, migrations)
        await give_grants(urls.owner, grants)
        yield urlsplit(urls.owner).path.removeprefix("/")


@asynccontextmanager
async def empty_database(admin_url: str, grants: Grants, *, prefix: str = "test") -> AsyncIterator[DatabaseUrls]:
    """Create an empty database, and the roles that are needed to migrate and to use it, and yield its addresses."""
    connection = await asyncpg.connect(admin_url, timeout=30)
    try:
        await connection.execute("SELECT pg_advisory_lock(hashtext('gridcare.ensure_service'))")
        await ensure_roles(connection, _login(admin_url, OWNER), _login(admin_url, APP), [grants.role])
    finally:
        await connection.close(timeout=30)
    async with copied_database(admin_url, "template0", prefix=prefix) as urls:
        yield urls


@asynccontextmanager
async def copied_database(admin_url: str, template: str, *, prefix: str = "test") -> AsyncIterator[DatabaseUrls]:
    """Copy a template database and yield the copy's addresses."""
    name = f"{prefix}_{secrets.token_hex(6)}"
    # copying files takes 12 ms in memory; the default, by the write-ahead log, takes twice that, and far more on a disk
    await _execute(admin_url, f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER} STRATEGY FILE_COPY")
    try:
        yield DatabaseUrls(_login(admin_url, OWNER).at(admin_url, name), _login(admin_url, APP).at(admin_url, name))
    finally:
        await _execute(admin_url, f"DROP DATABASE {name} WITH (FORCE)")


def _login(admin_url: str, name: str) -> Login:
    return Login(name, unquote(urlsplit(admin_url).password or "tests"))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=30)
    try:
        await connection.execute(statement)
    finally:
        await connection.close(timeout=30)
