"""What every process of every service is built on, so that all services start, run and stop the same way.

A service's `__main__` declares its settings, its migrations and its own processes. The processes `relay`, `migrate` and
`topics` and the operational commands `dead-letters`, `offsets`, `parked` and `retention` are the same in every service and
live here; a service that has more to keep in order has a `retention` of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from fastapi import FastAPI

from gridcare.errors import Retryable
from gridcare.http.edge.address import Networks
from gridcare.kafka.admin import ensure_topics
from gridcare.kafka.consume import DEFAULT_LIMITS, ConsumerLimits, Subscription, run_consumer
from gridcare.kafka.dead_letters.command import dead_letters_command
from gridcare.kafka.produce import Producer
from gridcare.kafka.restored.rewind import offsets_command
from gridcare.observability import logging, tracing
from gridcare.postgres.database import PATIENCE_S, REQUEST_PATIENCE_S, Database
from gridcare.postgres.migrate import migrate
from gridcare.postgres.poison.command import parked_command
from gridcare.postgres.relay.run import SEND_DEADLINE_S, run_relay
from gridcare.postgres.retention import retention_command, shared_steps
from gridcare.postgres.wake import listening
from gridcare.process import crash_points, health
from gridcare.process import lifecycle as process
from gridcare.process.backoff import Backoff
from gridcare.process.connections import ConnectionLimits
from gridcare.process.lifecycle import Lifecycle
from gridcare.process.settings import ServiceSettings, load
from gridcare.values.clock import Clock, SystemClock

API = "api"
"""What every service calls the process that answers requests."""

DATABASE_BACKOFF_FIRST_S = 0.2
DATABASE_BACKOFF_MAX_S = 10.0

S = TypeVar("S", bound=ServiceSettings)

logger = logging.get_logger()


@dataclass(frozen=True, slots=True)
class Foundation(Generic[S]):
    """What a process has before its service's own wiring: settings, clock, database and lifecycle."""

    service: str
    process: str
    settings: S
    clock: Clock
    db: Database
    lifecycle: Lifecycle


Process = Callable[[Foundation[S]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Service(Generic[S]):
    """A service, as its `__main__` declares it."""

    name: str
    settings: type[S]
    migrations: Path
    processes: Mapping[str, Process[S]]
    commands: Mapping[str, Callable[[S, Sequence[str]], Awaitable[int]]]


def main(service: Service[S]) -> int:
    """Run the process or command that the command line names and return the exit status of gridcare.process.lifecycle.run."""

    def prepare(name: str) -> S:
        settings = load(service.settings)
        logging.configure(service=service.name, process=name, level=settings.log_level)
        tracing.configure(service=service.name, process=name, trace_file=settings.trace_file)
        if settings.crash_at is not None:
            crash_points.arm(settings.crash_at)
        return settings

    def as_main(name: str, run: Process[S]) -> process.Main:
        async def live(lifecycle: Lifecycle) -> None:
            async with founded(service.name, name, prepare(name), lifecycle) as foundation:
                if foundation is not None:
                    await run(foundation)

        return live

    async def run_migrate(_: Sequence[str]) -> int:
        await migrate(prepare("migrate").database_url, service.migrations)
        return 0

    async def run_topics(_: Sequence[str]) -> int:
        await ensure_topics(prepare("topics").brokers())
        return 0

    def as_command(name: str, run: Callable[[S, Sequence[str]], Awaitable[int]]) -> process.Command:
        async def command(arguments: Sequence[str]) -> int:
            return await run(prepare(name), arguments)

        return command

    processes: dict[str, Process[S]] = {**service.processes, "relay": relay}
    commands: dict[str, Callable[[S, Sequence[str]], Awaitable[int]]] = {
        "dead-letters": dead_letters_command,
        "offsets": offsets_command,
        "parked": parked_command,
        "retention": partial(_retention, service.name),
        **service.commands,
    }
    return process.run(
        {name: as_main(name, run) for name, run in processes.items()},
        {
            "migrate": run_migrate,
            "topics": run_topics,
            **{name: as_command(name, run) for name, run in commands.items()},
        },
    )


async def _retention(service: str, settings: ServiceSettings, _: Sequence[str]) -> int:
    async with Database.open(settings.database_url, application_name=f"{service} retention", pool_size=2) as db:
        return await retention_command(shared_steps(db, SystemClock(settings.clock_offset_s)))


@asynccontextmanager
async def founded(service: str, name: str, settings: S, lifecycle: Lifecycle) -> AsyncIterator[Foundation[S] | None]:
    """Open what every process needs and close it in reverse; None if told to stop while the database was away.

    The health port opens first, so probes see a process that waits: alive, started and not ready.
    """
    lifecycle.grace_s = settings.shutdown_grace_s
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(health.serving(lifecycle, host=settings.http_host, port=settings.health_port))
        opening = partial(
            Database.open,
            settings.database_url,
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


async def serve_api(foundation: Foundation[S], app: FastAPI) -> None:
    """Serve an app on GRIDCARE_HTTP_PORT until told to stop, then finish the requests under way."""
    settings = foundation.settings
    limits = ConnectionLimits(
        per_address_max=settings.connections_per_address_max,
        trusted_proxies=Networks.of_text(settings.trusted_proxies),
    )
    await health.serve(app, foundation.lifecycle, host=settings.http_host, port=settings.http_port, limits=limits)


def listening_to(channel: str, foundation: Foundation[S]) -> AbstractAsyncContextManager[asyncio.Event]:
    """Listen on a channel in the block: gridcare.postgres.wake.listening."""
    name = f"{foundation.service} {foundation.process}"
    return listening(_direct_url(foundation.settings), channel, application_name=name)


def _direct_url(settings: ServiceSettings) -> str:
    return settings.database_direct_url or settings.database_url


async def relay(foundation: Foundation[S]) -> None:
    """Publish the service's outbox."""
    settings = foundation.settings
    async with Producer(
        settings.brokers(), client_id=f"{foundation.service}-relay", send_deadline_s=SEND_DEADLINE_S
    ) as producer:
        await run_relay(
            foundation.lifecycle,
            database_url=_direct_url(settings),
            application_name=f"{foundation.service} relay",
            producer=producer,
        )


async def follow_topics(
    foundation: Foundation[S],
    subscriptions: Sequence[Subscription],
    *,
    group: str | None = None,
    limits: ConsumerLimits = DEFAULT_LIMITS,
) -> None:
    """Consume as a member of the service's group (or of `group`) until told to stop."""
    settings = foundation.settings
    await run_consumer(
        brokers=settings.brokers(),
        group=group or foundation.service,
        subscriptions=subscriptions,
        db=foundation.db,
        lifecycle=foundation.lifecycle,
        limits=replace(limits, session_timeout_s=settings.kafka_session_timeout_s),
    )
