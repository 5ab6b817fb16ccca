"""Senders over providers in memory."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from gridcare.errors import Retryable
from outage_notifier.ledger.core.notice import Content
from outage_notifier.ledger.core.outcome import FoundMessage, Outcome, OutcomeKind
from outage_notifier.ledger.room import Ledger
from outage_notifier.planning.flow.plan_notice import pack_due_singles, plan_due_notice
from outage_notifier.planning.room import Planning
from outage_notifier.receipts.room import Receipts
from outage_notifier.sending.core.quiet_hours import QuietHours
from outage_notifier.sending.flow.send_batch import send_batch
from outage_notifier.sending.flow.take_rate import RateGrants
from outage_notifier.sending.room import Breaker, Sending, SendLimits


@dataclass
class Providers:
    """Both providers in memory: what they accepted, and what they answer by registration or number."""

    pushes: list[dict[str, Any]] = field(default_factory=list)
    texts: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, Outcome] = field(default_factory=dict)
    before: Callable[[], Awaitable[None]] | None = None

    async def _answer(self, contact: str, took: Callable[[], None]) -> Outcome:
        if self.before:
            await self.before()
        outcome = self.answers.get(contact)
        if outcome is None or outcome.kind in {OutcomeKind.ACCEPTED, OutcomeKind.UNKNOWN}:
            took()
        return outcome or Outcome(OutcomeKind.ACCEPTED, message_id=f"M{len(self.pushes) + len(self.texts)}")


class PushProvider:
    def __init__(self, providers: Providers) -> None:
        self._providers = providers

    async def send(self, body: bytes) -> Outcome:
        message = json.loads(body)
        return await self._providers._answer(message["to"], lambda: self._providers.pushes.append(message))


class SmsProvider:
    def __init__(self, providers: Providers) -> None:
        self._providers = providers

    async def send(self, *, to: str, body: str, callback_ref: str, validity_s: int) -> Outcome:
        taken = {"to": to, "body": body, "ref": callback_ref, "validity_s": validity_s}
        return await self._providers._answer(to, lambda: self._providers.texts.append(taken))

    async def recent(self, to: str) -> list[FoundMessage]:
        raise Retryable("not asked in these tests")


@dataclass
class PlainBody:
    kind: str

    def render(self, *, kind: str, registration: str, delivery_id: str) -> bytes:
        return json.dumps({"to": registration, "as": kind, "id": delivery_id, "what": self.kind}).encode()


class PlainRenderer:
    def push(self, content: Content, language: str, *, ttl_s: int) -> PlainBody:
        return PlainBody(content.kind)

    def sms(self, content: Content, language: str) -> str:
        return f"{content.kind} {language}"


@pytest.fixture
def providers() -> Providers:
    """Give providers that accept everything."""
    return Providers()


@pytest.fixture
def sending(db, clock, vault, providers: Providers) -> Sending:
    """Give a sender's tools."""
    grants = {c: RateGrants(db, c, 10_000, {"urgent": 100}) for c in ("push", "sms")}
    return Sending(
        db=db,
        clock=clock,
        push=PushProvider(providers),
        sms=SmsProvider(providers),
        renderer=PlainRenderer(),
        vault=vault,
        rates=grants,
        quiet_hours=QuietHours(),
        limits=SendLimits(lease_s=5, call_timeout_s=1, first_look=timedelta(seconds=90)),
        breakers={channel: Breaker(channel) for channel in ("push", "sms")},
    )


@pytest.fixture
def planning(db, clock) -> Planning:
    """Return what planners work in."""
    return Planning(db, clock)


@pytest.fixture
def receipts(db, clock, vault) -> Receipts:
    """Return what receipts are applied in."""
    return Receipts(db, clock, vault)


@pytest.fixture
def ledger(db, clock) -> Ledger:
    """Return what notices are read and completed in."""
    return Ledger(db, clock)


@pytest.fixture
def plan(planning: Planning) -> Callable[[], Awaitable[None]]:
    """Give a function that plans everything that is due."""

    async def run() -> None:
        while await plan_due_notice(room=planning) + await pack_due_singles(room=planning):
            pass

    return run


@pytest.fixture
def send(sending: Sending, world) -> Callable[..., Awaitable[None]]:
    """Give a function that sends every batch that is ready."""

    async def run(**changes: Any) -> None:
        used = replace(sending, **changes)
        for batch_id in await world.batches():
            await send_batch(batch_id, asyncio.Event(), room=used)

    return run


@pytest.fixture
async def planned(world, plan):
    """Give a function that plans a notice to customers with what `each` gives them."""

    async def make(count: int, *, each, **changes):
        for n in range(count):
            await world.customer(f"PB1101000{n:04}", **each(n))
        notice_id = await world.notice(await world.outage(), **changes)
        await plan()
        return notice_id

    return make
