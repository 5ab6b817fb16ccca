"""billing-gateway: `python -m billing_gateway <process or command>`."""

import sys
from pathlib import Path

from billing_gateway import NAME
from billing_gateway.app import build_app
from billing_gateway.bills import topic_supply_points
from billing_gateway.settings import Settings
from billing_gateway.wiring import wired
from billing_gateway.worker import work
from gridcare.process.service import Foundation, Service, follow_topics, main, serve_api


async def api(foundation: Foundation[Settings]) -> None:
    """Serve the HTTP API."""
    async with wired(foundation) as rooms:
        await serve_api(foundation, build_app(rooms, docs=foundation.settings.docs_page))


async def consumer(foundation: Foundation[Settings]) -> None:
    """Follow the topics."""
    async with wired(foundation) as rooms:
        await follow_topics(foundation, [topic_supply_points.subscription(rooms.bills)])


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
