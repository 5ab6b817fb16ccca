"""outage-notifier: `python -m outage_notifier <process or command>`."""

import sys
from functools import partial
from pathlib import Path

from gridcare.kafka.consume import ConsumerLimits
from gridcare.process.lifecycle import repeat_all, run_together
from gridcare.process.service import Foundation, Service, follow_topics, main, serve_api
from outage_notifier import NAME
from outage_notifier.app import build_app
from outage_notifier.contacts.reseal_command import reseal_contacts_command
from outage_notifier.known_supply_points import topic_supply_points
from outage_notifier.planning import topic_payments, topic_tickets
from outage_notifier.planning.flow.plan_notice import pack_due_singles, plan_due_notice
from outage_notifier.sending.topic_notice_batches import BatchesUnderWay
from outage_notifier.settings import Settings
from outage_notifier.wiring import sending, wired
from outage_notifier.worker import work

PLAN_INTERVAL_S = 0.25
SLOT_WAIT_MAX_S = 300
"""A hint waits for a free slot this long before its partition is paused; renewed hints make a longer wait harmless."""


async def api(foundation: Foundation[Settings]) -> None:
    """Serve the HTTP API."""
    async with wired(foundation) as services:
        await serve_api(foundation, build_app(services))


async def consumer(foundation: Foundation[Settings]) -> None:
    """Follow the topics."""
    async with wired(foundation) as services:
        await follow_topics(
            foundation,
            [
                topic_supply_points.subscription(services),
                topic_tickets.subscription(services),
                topic_payments.subscription(services),
            ],
        )


async def planner(foundation: Foundation[Settings]) -> None:
    """Plan due notices, large ones page by page and one-recipient ones packed."""
    async with wired(foundation) as services:
        await repeat_all(
            foundation.lifecycle,
            ("plan_due_notice", PLAN_INTERVAL_S, partial(plan_due_notice, services.planner)),
            ("pack_due_singles", PLAN_INTERVAL_S, partial(pack_due_singles, services.planner)),
        )


async def sender(foundation: Foundation[Settings]) -> None:
    """Send the batches that wait in the ledger."""
    settings = foundation.settings
    async with wired(foundation) as services, sending(services) as opened:
        at_once = {"push": settings.push_batches_at_once, "sms": settings.sms_batches_at_once}
        under_way = BatchesUnderWay(opened, foundation.lifecycle, at_once)
        limits = ConsumerLimits(handle_deadline_s=SLOT_WAIT_MAX_S)

        async def follow() -> None:
            await follow_topics(foundation, under_way.subscriptions(), group=f"{NAME}-sender", limits=limits)
            await under_way.drain()

        await run_together(foundation.lifecycle, follow(), under_way.watch())


async def worker(foundation: Foundation[Settings]) -> None:
    """Do what falls due."""
    async with wired(foundation) as services:
        await work(services, foundation.lifecycle)


SERVICE = Service(
    name=NAME,
    settings=Settings,
    migrations=Path(__file__).parents[2] / "migrations",
    processes={"api": api, "consumer": consumer, "planner": planner, "sender": sender, "worker": worker},
    commands={"reseal-contacts": reseal_contacts_command},
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
