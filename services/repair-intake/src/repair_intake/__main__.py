"""repair-intake: `python -m repair_intake <process or command>`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from gridcare.known_supply_points import topic_supply_points
from gridcare.postgres.retention import retention_command
from gridcare.process.foundation import Foundation
from gridcare.process.service import Command, Process, Service, follow_topics, main, serve_api
from gridcare.process.settings import DatabaseSettings
from repair_intake import NAME
from repair_intake.app import build_app
from repair_intake.grants import GRANTS
from repair_intake.settings import ApiSettings, ConsumerSettings, WorkerSettings
from repair_intake.tickets import topic_outages
from repair_intake.wiring import retaining, serving, tickets_of, working
from repair_intake.worker import retention_steps, work


async def api(foundation: Foundation[ApiSettings]) -> None:
    """Serve the HTTP API."""
    async with serving(foundation) as rooms:
        await serve_api(foundation, build_app(rooms, docs=foundation.settings.docs_page))


async def consumer(foundation: Foundation[ConsumerSettings]) -> None:
    """Follow the topics."""
    tickets = tickets_of(foundation)
    await follow_topics(
        foundation, [topic_supply_points.subscription(foundation.db), topic_outages.subscription(tickets)]
    )


async def worker(foundation: Foundation[WorkerSettings]) -> None:
    """Do what falls due."""
    async with working(foundation) as rooms:
        await work(rooms, foundation.lifecycle)


async def retention(settings: DatabaseSettings, _: Sequence[str]) -> int:
    """Do at once what retention does each hour."""
    async with retaining(settings) as known_outages:
        return await retention_command(retention_steps(known_outages))


SERVICE = Service(
    name=NAME,
    migrations=Path(__file__).parents[2] / "migrations",
    grants=GRANTS,
    processes={
        "api": Process(ApiSettings, api),
        "consumer": Process(ConsumerSettings, consumer),
        "worker": Process(WorkerSettings, worker),
    },
    commands={"retention": Command(DatabaseSettings, retention)},
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
