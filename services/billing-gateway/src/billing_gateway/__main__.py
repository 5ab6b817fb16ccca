"""billing-gateway: `python -m billing_gateway <process or command>`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from billing_gateway import NAME
from billing_gateway.app import build_app
from billing_gateway.bills import topic_supply_points
from billing_gateway.callbacks.command_ask import ask_command
from billing_gateway.grants import GRANTS
from billing_gateway.settings import ApiSettings, AskSettings, ConsumerSettings, WorkerSettings
from billing_gateway.wiring import asking, bills_of, serving, working
from billing_gateway.worker import work
from gridcare.process.foundation import Foundation
from gridcare.process.service import Command, Process, Service, follow_topics, main, serve_api


async def api(foundation: Foundation[ApiSettings]) -> None:
    """Serve the HTTP API."""
    async with serving(foundation) as rooms:
        await serve_api(foundation, build_app(rooms, docs=foundation.settings.docs_page))


async def consumer(foundation: Foundation[ConsumerSettings]) -> None:
    """Follow the topics."""
    await follow_topics(foundation, [topic_supply_points.subscription(bills_of(foundation))])


async def worker(foundation: Foundation[WorkerSettings]) -> None:
    """Do what falls due."""
    async with working(foundation) as rooms:
        await work(rooms, foundation.lifecycle)


async def ask(settings: AskSettings, arguments: Sequence[str]) -> int:
    """Ask a provider about one payment."""
    async with asking(settings) as room:
        return await ask_command(arguments, room=room)


SERVICE = Service(
    name=NAME,
    migrations=Path(__file__).parents[2] / "migrations",
    grants=GRANTS,
    processes={
        "api": Process(ApiSettings, api),
        "consumer": Process(ConsumerSettings, consumer),
        "worker": Process(WorkerSettings, worker),
    },
    commands={"ask": Command(AskSettings, ask)},
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
