"""What every process of every service is built on, so that all services start, run and stop the same way.

A service's `__main__` declares its migrations and its own processes, each with the settings that it reads. The processes
`relay`, `migrate` and `topics` and the operational commands `dead-letters`, `offsets`, `parked` and `retention` are the same
in every service and live here; outage-notifier, which has partitions to keep in order, has a `retention` of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from fastapi import FastAPI

from gridcare.http.edge.address import Networks
from gridcare.kafka.admin import ensure_topics
from gridcare.kafka.consume import DEFAULT_LIMITS, ConsumerLimits, Subscription, run_consumer
from gridcare.kafka.dead_letters.command import dead_letters_command
from gridcare.kafka.produce import Producer
from gridcare.kafka.restored.rewind import offsets_command
from gridcare.observability import logging, tracing
from gridcare.postgres.database import Database
from gridcare.postgres.poison.command import parked_command
from gridcare.postgres.relay.run import SEND_DEADLINE_S, run_relay
from gridcare.postgres.retention import retention_command, shared_steps
from gridcare.postgres.schema.grants import Grants, give_grants
from gridcare.postgres.schema.migrate import migrate
from gridcare.postgres.wake import listening
from gridcare.process import crash_points, health
from gridcare.process.connections import ConnectionLimits
from gridcare.process.foundation import Foundation, founded
from gridcare.process.lifecycle import Lifecycle, Main, run
from gridcare.process.settings import (
    DatabaseSettings,
    DirectSettings,
    HttpSettings,
    KafkaSettings,
    MigrateSettings,
    ProcessSettings,
    RelaySettings,
    ReplaySettings,
    Settings,
    TopicsSettings,
    load,
)
from gridcare.values.clock import SystemClock

S = TypeVar("S", bound=Settings)
P = TypeVar("P", bound=ProcessSettings)
D = TypeVar("D", bound=DirectSettings)
H = TypeVar("H", bound=HttpSettings)
T = TypeVar("T", bound=TopicsSettings)

logger = logging.get_logger()


@dataclass(frozen=True, slots=True)
class Process(Generic[P]):
    """What runs until it is told to stop, and the settings that it reads."""

    settings: type[P]
    run: Callable[[Foundation[P]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Command(Generic[S]):
    """What runs once with the arguments that follow it, and the settings that it reads. It returns the exit status."""

    settings: type[S]
    run: Callable[[S, Sequence[str]], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Service:
    """A service, as its `__main__` declares it."""

    name: str
    migrations: Path
    grants: Grants
    processes: Mapping[str, Process[Any]]
    commands: Mapping[str, Command[Any]]

    def every_process(self) -> dict[str, Process[Any]]:
        """Return its processes, those too that every service has."""
        return {**self.processes, "relay": Process(RelaySettings, relay)}

    def every_command(self) -> dict[str, Command[Any]]:
        """Return its commands, those too that every service has; its own comes before one of the same name."""
        return {
            "migrate": Command(MigrateSettings, partial(_migrate, self.migrations, self.grants)),
            "topics": Command(KafkaSettings, _topics),
            "dead-letters": Command(ReplaySettings, dead_letters_command),
            "offsets": Command(ReplaySettings, offsets_command),
            "parked": Command(DatabaseSettings, parked_command),
            "retention": Command(DatabaseSettings, partial(_retention, self.name)),
            **self.commands,
        }

    def settings(self) -> dict[str, type[Settings]]:
        """Return what each process and command reads."""
        return {name: each.settings for name, each in (self.every_process() | self.every_command()).items()}


def main(service: Service) -> int:
    """Run the process or command that the command line names and return the exit status of gridcare.process.lifecycle.run."""

    def prepare(name: str, settings: type[S]) -> S:
        loaded = load(settings)
        logging.configure(service=service.name, process=name, level=loaded.log_level)
        tracing.configure(service=service.name, process=name, trace_file=loaded.trace_file)
        return loaded

    def as_main(name: str, process: Process[Any]) -> Main:
        async def live(life: Lifecycle) -> None:
            settings = prepare(name, process.settings)
            if settings.crash_at is not None:
                crash_points.arm(settings.crash_at)
            async with founded(service.name, name, settings, life) as foundation:
                if foundation is not None:
                    await process.run(foundation)

        return live

    def as_command(name: str, command: Command[Any]) -> Callable[[Sequence[str]], Coroutine[None, None, int]]:
        async def once(arguments: Sequence[str]) -> int:
            return await command.run(prepare(name, command.settings), arguments)

        return once

    return run(
        {name: as_main(name, process) for name, process in service.every_process().items()},
        {name: as_command(name, command) for name, command in service.every_command().items()},
    )


async def _migrate(migrations: Path, grants: Grants, settings: MigrateSettings, _: Sequence[str]) -> int:
    url = settings.database_owner_url.get_secret_value()
    await migrate(url, migrations)
    await give_grants(url, grants)
    return 0


async def _topics(settings: KafkaSettings, _: Sequence[str]) -> int:
    await ensure_topics(settings.brokers())
    return 0


async def _retention(service: str, settings: DatabaseSettings, _: Sequence[str]) -> int:
    url = settings.database_url.get_secret_value()
    async with Database.open(url, application_name=f"{service} retention", pool_size=2) as db:
        return await retention_command(shared_steps(db, SystemClock(settings.clock_offset_s)))


async def serve_api(foundation: Foundation[H], app: FastAPI) -> None:
    """Serve an app on GRIDCARE_HTTP_PORT until told to stop, then finish the requests under way."""
    settings = foundation.settings
    limits = ConnectionLimits(
        per_address_max=settings.connections_per_address_max,
        trusted_proxies=Networks.of_text(settings.trusted_proxies),
    )
    await health.serve(app, foundation.lifecycle, host=settings.http_host, port=settings.http_port, limits=limits)


def listening_to(channel: str, foundation: Foundation[D]) -> AbstractAsyncContextManager[asyncio.Event]:
    """Listen on a channel in the block: gridcare.postgres.wake.listening."""
    name = f"{foundation.service} {foundation.process}"
    return listening(foundation.settings.direct_url(), channel, application_name=name)


async def relay(foundation: Foundation[RelaySettings]) -> None:
    """Publish the service's outbox."""
    settings = foundation.settings
    async with Producer(
        settings.brokers(), client_id=f"{foundation.service}-relay", send_deadline_s=SEND_DEADLINE_S
    ) as producer:
        await run_relay(
            foundation.lifecycle,
            database_url=settings.direct_url(),
            application_name=f"{foundation.service} relay",
            producer=producer,
        )


async def follow_topics(
    foundation: Foundation[T],
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
