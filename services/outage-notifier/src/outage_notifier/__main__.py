"""outage-notifier: `python -m outage_notifier <process or command>`."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from gridcare.kafka.consume import ConsumerLimits
from gridcare.known_supply_points import topic_supply_points
from gridcare.postgres.look import Work, repeat_work
from gridcare.postgres.retention import retention_command
from gridcare.process.due import repeat_due
from gridcare.process.foundation import Foundation
from gridcare.process.lifecycle import run_together
from gridcare.process.pace import Pace
from gridcare.process.service import Command, Process, Service, follow_topics, listening_to, main, serve_api
from gridcare.process.settings import DatabaseSettings
from outage_notifier import NAME
from outage_notifier.app import build_app
from outage_notifier.contacts.command_devices_aside import devices_aside_command
from outage_notifier.contacts.command_imports import imports_command
from outage_notifier.contacts.command_reseal import reseal_command
from outage_notifier.grants import GRANTS
from outage_notifier.ledger.core.notice import NOTICES_MADE
from outage_notifier.planning import topic_payments, topic_tickets
from outage_notifier.planning.flow.pack_due_singles import SINGLES_DUE, pack_due_singles
from outage_notifier.planning.flow.plan_notice import NOTICES_DUE, NOTICES_WAITING, plan_due_notice
from outage_notifier.sending.flow.probe_channels import PROBE_CHANNELS, SEND_UNHEARD, look_for_work, probe_channels
from outage_notifier.sending.topic_notice_batches import BatchesUnderWay
from outage_notifier.settings import (
    ApiSettings,
    ConsumerSettings,
    PlannerSettings,
    ResealSettings,
    RetentionSettings,
    SenderSettings,
    WorkerSettings,
)
from outage_notifier.wiring import (
    devices_aside,
    planning_of,
    recorded_imports,
    resealing,
    retaining,
    sending,
    serving,
    working,
)
from outage_notifier.worker import retention_steps, work

LOOK_INTERVAL_S = 1.0
"""How often a sender looks for batches that no hint told it of, and for due probes, while there are some."""

SLOT_WAIT_MAX_S = 300
"""A hint waits for a free slot at most this long before its partition is paused. Hints are repeated, so none is lost."""


async def api(foundation: Foundation[ApiSettings]) -> None:
    """Serve the HTTP API."""
    async with serving(foundation) as rooms:
        await serve_api(foundation, build_app(rooms, docs=foundation.settings.docs_page))


async def consumer(foundation: Foundation[ConsumerSettings]) -> None:
    """Follow the topics."""
    planning = planning_of(foundation)
    await follow_topics(
        foundation,
        [
            topic_supply_points.subscription(foundation.db),
            topic_tickets.subscription(planning),
            topic_payments.subscription(planning),
        ],
    )


async def planner(foundation: Foundation[PlannerSettings]) -> None:
    """Plan due notices: large ones page by page, one-recipient ones packed into batches."""
    planning = planning_of(foundation)
    async with listening_to(NOTICES_MADE, foundation) as wake:
        due = {
            "plan_due_notice": Work(partial(plan_due_notice, room=planning), NOTICES_DUE),
            "pack_due_singles": Work(partial(pack_due_singles, room=planning), SINGLES_DUE),
        }
        db, clock, lifecycle = foundation.db, foundation.clock, foundation.lifecycle
        await repeat_work(lifecycle, db, clock, due, under_way=NOTICES_WAITING, wake=wake)


async def sender(foundation: Foundation[SenderSettings]) -> None:
    """Send the batches that wait in the ledger."""
    async with sending(foundation) as room:
        under_way = BatchesUnderWay(room, foundation.lifecycle)
        limits = ConsumerLimits(handle_deadline_s=SLOT_WAIT_MAX_S)

        async def follow() -> None:
            await follow_topics(foundation, under_way.subscriptions(), group=f"{NAME}-sender", limits=limits)
            await under_way.drain()

        looks = repeat_due(
            foundation.lifecycle,
            partial(look_for_work, room=room),
            {
                SEND_UNHEARD: under_way.send_unheard,
                PROBE_CHANNELS: partial(probe_channels, foundation.lifecycle.stopping, room=room),
            },
            pace=Pace(prompt_s=LOOK_INTERVAL_S),
        )
        await run_together(foundation.lifecycle, follow(), under_way.watch(), looks)


async def worker(foundation: Foundation[WorkerSettings]) -> None:
    """Do what falls due."""
    async with working(foundation) as rooms, listening_to(NOTICES_MADE, foundation) as wake:
        await work(rooms, foundation.lifecycle, wake)


async def imports(settings: DatabaseSettings, arguments: Sequence[str]) -> int:
    """List who imported what."""
    async with recorded_imports(settings) as room:
        return await imports_command(arguments, room=room)


async def reseal_contacts(settings: ResealSettings, arguments: Sequence[str]) -> int:
    """Seal every contact with the newest key."""
    async with resealing(settings) as room:
        return await reseal_command(arguments, room=room)


async def list_devices_aside(settings: DatabaseSettings, arguments: Sequence[str]) -> int:
    """List the devices that are put aside, or have them called again."""
    async with devices_aside(settings) as room:
        return await devices_aside_command(arguments, room=room)


async def retention(settings: RetentionSettings, _: Sequence[str]) -> int:
    """Do at once what retention does each hour."""
    async with retaining(settings) as (keeping, marks, phone_history):
        return await retention_command(retention_steps(keeping, marks, phone_history))


SERVICE = Service(
    name=NAME,
    migrations=Path(__file__).parents[2] / "migrations",
    grants=GRANTS,
    processes={
        "api": Process(ApiSettings, api),
        "consumer": Process(ConsumerSettings, consumer),
        "planner": Process(PlannerSettings, planner),
        "sender": Process(SenderSettings, sender),
        "worker": Process(WorkerSettings, worker),
    },
    commands={
        "devices-aside": Command(DatabaseSettings, list_devices_aside),
        "imports": Command(DatabaseSettings, imports),
        "reseal-contacts": Command(ResealSettings, reseal_contacts),
        "retention": Command(RetentionSettings, retention),
    },
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
