"""What a process has before its service's own wiring: settings, clock, database and lifecycle."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from gridcare.errors import Retryable
from gridcare.observability import logging
from gridcare.postgres.database import PATIENCE_S, REQUEST_PATIENCE_S, Database
from gridcare.process import health
from gridcare.process.backoff import Backoff
from gridcare.process.lifecycle import Lifecycle
from gridcare.process.settings import ProcessSettings
from gridcare.values.clock import Clock, SystemClock

API = "api"
"""What every service calls the process that answers requests."""

DATABASE_BACKOFF_FIRST_S = 0.2
DATABASE_BACKOFF_MAX_S = 10.0

P = TypeVar("P", bound=ProcessSettings)

logger = logging.get_logger()


@dataclass(frozen=True, slots=True)
class Foundation(Generic[P]):
    """What a process has before its service's own wiring: settings, clock, database and lifecycle."""

    service: str
    process: str
    settings: P
    clock: Clock
    db: Database
    lifecycle: Lifecycle


@asynccontextmanager
async def founded(service: str, name: str, settings: P, lifecycle: Lifecycle) -> AsyncIterator[Foundation[P] | None]:
    """Open what every process needs and close it in reverse; None if told to stop while the database was away.

    The health port opens first, so probes see a process that waits: alive, started and not ready.
    """
    lifecycle.grace_s = settings.shutdown_grace_s
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(health.serving(lifecycle, host=settings.http_host, port=settings.health_port))
        opening = partial(
            Database.open,
            settings.database_url.get_secret_value(),
            application_name=f"{service} {name}",
            pool_size=settings.database_pool_size,
            patience_s=REQUEST_PATIENCE_S if name == API else PATIENCE_S,
        )
        if (db := await _awaited(opening, lifecycle, stack)) is None:
            yield None
        else:
            yield Foundation(service, name, settings, SystemClock(settings.clock_offset_s), db, lifecycle)


async def _awaited(
    opening: Callable[[], AbstractAsyncContextManager[Database]], lifecycle: Lifecycle, stack: AsyncExitStack
) -> Database | None:
    """Return the open database, however long it is away; None, at once, if told to stop first.

    Were the process to die instead, its restarts would back off up to five minutes, and so would the recovery.
    """
    backoff = Backoff(first_s=DATABASE_BACKOFF_FIRST_S, limit_s=DATABASE_BACKOFF_MAX_S)
    while not lifecycle.stopping.is_set():
        try:
            return await lifecycle.unless_stopped(stack.enter_async_context(opening()))
        except Retryable as error:
            backoff_s = backoff.failed()
            logger.warning("database_waits", error_class=type(error.__cause__ or error).__name__, backoff_s=backoff_s)
        lifecycle.started = True
        await lifecycle.pause(backoff_s)
    return None
