"""repair-intake: `python -m repair_intake <process or command>`."""

import sys
from pathlib import Path

from gridcare.known_supply_points import topic_supply_points
from gridcare.process.service import Foundation, Service, follow_topics, main, serve_api
from repair_intake import NAME
from repair_intake.app import build_app
from repair_intake.settings import Settings
from repair_intake.tickets import topic_outages
from repair_intake.wiring import wired
from repair_intake.worker import work


async def api(foundation: Foundation[Settings]) -> None:
    """Serve the HTTP API."""
    async with wired(foundation) as rooms:
        await serve_api(foundation, build_app(rooms, docs=foundation.settings.docs_page))


async def consumer(foundation: Foundation[Settings]) -> None:
    """Follow the topics."""
    async with wired(foundation) as rooms:
        await follow_topics(
            foundation, [topic_supply_points.subscription(foundation.db), topic_outages.subscription(rooms.tickets)]
        )


async def worker(foundation: Foundation[Settings]) -> None:
    """Do what falls due."""
    async with wired(foundation) as rooms:
        await work(rooms, foundation.lifecycle)


SERVICE = Service(
    name=NAME,
    settings=Settings,
    migrations=Path(__file__).parents[2] / "migrations",
    processes={"api": api, "consumer": consumer, "worker": worker},
    commands={},
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
