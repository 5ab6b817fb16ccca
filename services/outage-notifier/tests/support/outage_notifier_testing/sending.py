"""Planners and senders with providers in memory and the texts of production."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from outage_notifier_testing.fake_push import FakePushSender
from outage_notifier_testing.fake_sms import FakeSmsSender

from gridcare.postgres.poison.guard import Guard
from outage_notifier.ledger.room import Ledger
from outage_notifier.planning.flow.pack_due_singles import pack_due_singles
from outage_notifier.planning.flow.plan_notice import plan_due_notice
from outage_notifier.planning.room import Planning
from outage_notifier.receipts.room import Marks
from outage_notifier.sending.breaker import Breaker
from outage_notifier.sending.core.quiet_hours import QuietHours
from outage_notifier.sending.flow.send_batch import send_batch
from outage_notifier.sending.rate import Rate
from outage_notifier.sending.render import MessageRenderer
from outage_notifier.sending.room import Sending, SendLimits
from outage_notifier.texts.kept import KeptTexts
from outage_notifier.texts.languages import read_texts
from outage_notifier.texts.rendering import Catalog


@pytest.fixture
def fake_push() -> FakePushSender:
    """Return a push provider that accepts everything."""
    return FakePushSender()


@pytest.fixture
def fake_sms(clock) -> FakeSmsSender:
    """Return an SMS provider that accepts everything."""
    return FakeSmsSender(clock)


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """Return the texts of production."""
    return Catalog(read_texts(), sender="GRIDCARE")


@pytest.fixture
def sending(db, clock, vault, *, catalog, fake_push: FakePushSender, fake_sms: FakeSmsSender) -> Sending:
    """Return what senders work in: production's, but for the providers."""
    return Sending(
        db=db,
        clock=clock,
        guard=Guard(db),
        push=fake_push,
        sms=fake_sms,
        renderer=MessageRenderer(KeptTexts(catalog), "gridcare://"),
        vault=vault,
        rates={channel: Rate(channel, 10_000, {"urgent": 100}) for channel in ("push", "sms")},
        quiet_hours=QuietHours(),
        limits=SendLimits(lease_s=5, call_timeout_s=1, first_look=timedelta(seconds=90)),
        breakers={channel: Breaker(channel) for channel in ("push", "sms")},
    )


@pytest.fixture
def planning(db, clock) -> Planning:
    """Return what planners work in."""
    return Planning(db, clock, Guard(db))


@pytest.fixture
def marks(db, clock) -> Marks:
    """Return what received marks are applied in."""
    return Marks(db, clock, Guard(db))


@pytest.fixture
def ledger(db, clock) -> Ledger:
    """Return what notices are read and completed in."""
    return Ledger(db, clock, Guard(db))


@pytest.fixture
def plan(planning: Planning) -> Callable[[], Awaitable[None]]:
    """Return a function that plans everything that is due."""

    async def run() -> None:
        while await plan_due_notice(room=planning) + await pack_due_singles(room=planning):
            pass

    return run


@pytest.fixture
def send(sending: Sending, world) -> Callable[..., Awaitable[None]]:
    """Return a function that sends every batch that is ready, in a room with the given `changes`."""

    async def run(**changes: Any) -> None:
        used = replace(sending, **changes)
        for batch_id in await world.batches():
            await send_batch(batch_id, asyncio.Event(), room=used)

    return run


@pytest.fixture
async def planned(world, plan) -> Callable[..., Awaitable[UUID]]:
    """Return a function that plans a notice to `count` customers, the nth with the contacts that `each(n)` returns."""

    async def make(count: int, *, each: Callable[[int], dict[str, Any]], **changes: Any) -> UUID:
        for n in range(count):
            await world.customer(f"PB1101000{n:04}", **each(n))
        notice_id: UUID = await world.notice(await world.outage(), **changes)
        await plan()
        return notice_id

    return make
