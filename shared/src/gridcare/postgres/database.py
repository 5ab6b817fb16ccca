"""A connection pool and the transactions on it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from typing import Any, Self, Union

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gridcare.errors import Retryable
from gridcare.observability import metrics
from gridcare.postgres.session import KEPT_PLANS, server_settings

Connection = Union["asyncpg.Connection[asyncpg.Record]", "PoolConnectionProxy[asyncpg.Record]"]
"""The first parameter of every store function: a connection, in a transaction if the function writes."""

Row = asyncpg.Record
"""What a statement returns: store functions map it to a value by the names of its columns."""

UniqueViolation = asyncpg.UniqueViolationError
"""What a unique index raises where a statement does not say what to do ON CONFLICT; its transaction is over."""

PATIENCE_S = 5.0
"""A longer wait for a connection means overload: the caller is told to come back, so that nothing queues forever."""

REQUEST_PATIENCE_S = 0.8
"""The same while somebody waits for an answer over HTTP, who is refused within two seconds."""

CONNECT_TIMEOUT_S = 5.0

_TRANSIENT = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that ended while a statement was running
    OSError,
    TimeoutError,
)


class Database:
    """One service's database.

    Errors that may pass (no connection, a deadlock, a timeout) are raised as Retryable; errors of the SQL itself are raised
    unchanged. A database error's `detail` is never logged, because it quotes rows.
    """

    _again: Callable[..., AbstractAsyncContextManager["Database"]]

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", *, patience_s: float = PATIENCE_S) -> None:
        self._pool = pool
        self._patience_s = patience_s
        self._places = asyncio.Semaphore(pool.get_max_size())
        self._keeping: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        url: str,
        *,
        application_name: str,
        pool_size: int = 10,
        statement_timeout_s: float = 30,
        patience_s: float = PATIENCE_S,
        min_size: int = 1,
        settings: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Self]:
        """Open a pool, whose callers wait `patience_s` for a connection. Raises Retryable if the server cannot be reached.

        At least `min_size` connections are made at once. `settings` are those of their sessions, beside the usual ones.
        """
        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=min_size,
                max_size=pool_size,
                timeout=CONNECT_TIMEOUT_S,
                command_timeout=statement_timeout_s + 5,
                max_inactive_connection_lifetime=300,
                reset=_as_it_was,
                server_settings={**server_settings(application_name, statement_timeout_s), **(settings or {})},
            )
        except _TRANSIENT as error:
            raise _passing(error) from error
        try:
            db = cls(pool, patience_s=patience_s)
            db._again = partial(
                cls.open, url, application_name=application_name, statement_timeout_s=statement_timeout_s
            )
            yield db
        finally:
            try:
                async with asyncio.timeout(5):
                    await pool.close()
            except TimeoutError:
                pool.terminate()

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        """Open a transaction that commits when the block ends and rolls back if it raises."""
        return self._connection(in_transaction=True)

    def read(self) -> AbstractAsyncContextManager[Connection]:
        """Lend a connection for reading, outside any transaction."""
        return self._connection(in_transaction=False)

    def keeping_plans(self) -> AbstractAsyncContextManager["Database"]:
        """Open this database once more, for statements that are planned once a session (see KEPT_PLANS).

        It is a single connection, which is made when it is first needed.
        """
        return self._again(pool_size=1, min_size=0, settings=KEPT_PLANS)

    def on_commit(self, note: Callable[[], None]) -> None:
        """Call `note`, a log line say, once the transaction that just ended is committed: at once, unless it was a savepoint."""
        note()

    @asynccontextmanager
    async def joined(self) -> AsyncIterator[tuple[Connection, "Database"]]:
        """Open a transaction, and a database whose transactions are savepoints of it, for running several as one."""
        async with self.transaction() as tx:
            joining = _Joining(tx)
            yield tx, joining
        for note in joining.notes:
            note()

    @asynccontextmanager
    async def _connection(self, *, in_transaction: bool) -> AsyncIterator[Connection]:
        try:
            connection = await self._acquire()
        except _TRANSIENT as error:
            raise _passing(error) from error
        metrics.DATABASE_POOL_IN_USE.inc()
        try:
            if in_transaction:
                async with connection.transaction():
                    yield connection
            else:
                yield connection
        except _TRANSIENT as error:
            raise _passing(error) from error
        finally:
            metrics.DATABASE_POOL_IN_USE.dec()
            await self._release(connection)

    async def _acquire(self) -> "PoolConnectionProxy[asyncpg.Record]":
        """Wait for a connection as long as the patience lasts. Raises TimeoutError and what connecting raises.

        One that is being made is made to its end, for the next caller: else a slow server could never be connected to.
        """
        async with asyncio.timeout(self._patience_s):
            await self._places.acquire()
            taking = asyncio.ensure_future(self._pool.acquire())
            try:
                return await asyncio.shield(taking)
            except BaseException:
                taking.add_done_callback(self._keep)
                raise

    def _keep(self, taken: "asyncio.Future[PoolConnectionProxy[asyncpg.Record]]") -> None:
        """Put what nobody waits for any more into the pool."""
        if taken.cancelled() or taken.exception() is not None:
            self._places.release()
            return
        keeping = asyncio.ensure_future(self._release(taken.result()))
        self._keeping.add(keeping)
        keeping.add_done_callback(self._keeping.discard)

    async def _release(self, connection: "PoolConnectionProxy[asyncpg.Record]") -> None:
        try:
            await self._pool.release(connection, timeout=CONNECT_TIMEOUT_S)
        except _TRANSIENT:
            with suppress(asyncpg.InterfaceError):  # the pool may have taken it back itself
                connection.terminate()
        finally:
            self._places.release()


class _Joining(Database):
    """A database with a single connection, which is in a transaction."""

    def __init__(self, tx: Connection) -> None:
        self._tx = tx
        self.notes: list[Callable[[], None]] = []

    def on_commit(self, note: Callable[[], None]) -> None:
        self.notes.append(note)

    @asynccontextmanager
    async def _connection(self, *, in_transaction: bool) -> AsyncIterator[Connection]:
        if in_transaction:
            async with self._tx.transaction():
                yield self._tx
        else:
            yield self._tx


@asynccontextmanager
async def direct_connection(
    url: str, *, application_name: str, statement_timeout_s: float = 30, settings: Mapping[str, str] | None = None
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Open a connection outside the pool, for what belongs to a session, such as advisory locks and its own `settings`.

    Raises Retryable, as `Database` does.
    """
    try:
        connection: asyncpg.Connection[Any] = await asyncpg.connect(
            url,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=statement_timeout_s + 5,
            server_settings={**server_settings(application_name, statement_timeout_s), **(settings or {})},
        )
    except _TRANSIENT as error:
        raise _passing(error) from error
    try:
        yield connection
    except _TRANSIENT as error:
        raise _passing(error) from error
    finally:
        connection.terminate()


async def _as_it_was(_: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Skip asyncpg's `RESET ALL` when a connection is released: it costs a round trip for each transaction.

    Nothing here changes a session: locks end with their transaction, and whatever belongs to a session uses a connection
    of its own (`direct_connection`). The pool itself rolls back a transaction that was left open.
    """


def _passing(error: BaseException) -> Retryable:
    name = type(error).__name__
    metrics.DATABASE_RETRYABLE.inc(error_class=name)
    return Retryable(f"database: {name}")
