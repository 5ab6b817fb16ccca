"""Once a newer revision of an outage was published, no message of an older one starts any more."""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

import pytest
from outage_notifier_testing.look_ups import Scene
from outage_notifier_testing.world import SLOTS

from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.ledger.flow.complete_notices import complete_notices
from outage_notifier.ledger.store import notice as notice_store
from outage_notifier.planning.flow.cut_follow_ups import cut_follow_ups
from outage_notifier.planning.flow.look_at_covers import look_at_covers

A, B, C = "PB11010000001", "PB11010000002", "PB11010000003"
SHARED, OWN = "+84901000001", "+84902000002"
_OF_FIRST_REVISION = """
SELECT d.state FROM delivery d JOIN notice n USING (notice_id) WHERE d.recipient_id = $1 ORDER BY n.revision LIMIT 1
"""
BUSY = Outcome(OutcomeKind.RETRY, "busy")


@dataclass
class Saga:
    """An outage whose revisions are published one after another; each names itself in its texts."""

    scene: Scene
    push: Any
    planning: Any
    ledger: Any
    outage_id: UUID | None = None
    revision: int = 0
    answered: set[str] = field(default_factory=set)
    """Messages whose receipt came."""

    async def publish(self, kind: str | None = None) -> None:
        """Publish the next revision: an announcement to who was not told and, but for the first, `kind` to who was."""
        world = self.scene.world
        self.revision += 1
        self.outage_id = await world.outage(revision=self.revision, outage_id=self.outage_id)
        async with world.db.transaction() as tx:
            await notice_store.supersede(tx, self.outage_id, before_revision=self.revision, now=world.clock.now())
        about = {"revision": self.revision, "slots": {**SLOTS, "place": f"revision {self.revision}"}}
        if kind is not None:
            await world.notice(self.outage_id, kind=kind, audience_rule="told", **about)
        if kind != "cancellation":
            await world.notice(self.outage_id, **about)

    async def fail_late(self, draw: Random) -> None:
        """Have the provider say of some SMS that it took that it was not delivered."""
        for sent in self.scene.sms.sent:
            if sent.message_id not in self.answered and draw.random() < 0.5:
                self.answered.add(sent.message_id)
                await self.scene.tell(sent.message_id, "undelivered", ref=sent.callback_ref, code="30003")
        await self.scene.apply()

    async def follow(self) -> None:
        """Do once what workers do again and again."""
        await look_at_covers(room=self.planning)
        await cut_follow_ups(room=self.planning)

    async def complete(self) -> None:
        await complete_notices(room=self.ledger)

    def texts(self) -> list[int]:
        """Return of which revision each message was that a provider took."""
        bodies = [sms.body for sms in self.scene.sms.sent] + [json.dumps(message) for message in self.push.accepted]
        return [int(found[1]) for body in bodies if (found := re.search(r"revision (\d)", body))]


@pytest.fixture
async def saga(world, plan, send, planning, ledger, *, fake_sms, fake_push) -> Saga:
    """Return an outage whose first revision is published, to three customers with one phone among them."""
    await world.customer(A, phones=[SHARED])
    await world.customer(B, phones=[SHARED])
    await world.customer(C, devices=["c"], phones=[SHARED, OWN])
    saga = Saga(Scene(world, send, plan, fake_sms), fake_push, planning, ledger)
    await saga.publish()
    return saga


async def test_completed_notice_is_superseded(saga, world, plan, send):
    """An SMS fails after the cancellation was sent: who relied on it is not told of the cut that was called off."""
    await plan()
    await send()
    await saga.follow()
    await saga.complete()
    assert await world.rows("SELECT state FROM notice") == [("completed",)]
    await saga.publish("cancellation")
    await plan()
    await send()
    told = saga.texts()
    (first, *_) = saga.scene.sms.sent
    await saga.scene.tell(first.message_id, "undelivered", ref=first.callback_ref, code="30003")
    await saga.scene.apply()
    for _ in range(4):
        await saga.follow()
        await send()
    assert saga.texts() == told
    assert await world.rows(_OF_FIRST_REVISION, B) == [("superseded",)]
    await saga.complete()
    assert await world.rows("SELECT DISTINCT state FROM notice") == [("completed",)]


async def happen(saga: Saga, draw: Random) -> None:
    """Let something happen: to the provider, to the clock, to messages that were taken, or to the outage."""
    match draw.choice(["provider", "clock", "receipts", "receipts", "outage"]):
        case "provider":
            saga.scene.sms.outcomes = {number: BUSY for number in (SHARED, OWN) if draw.random() < 0.2}
            saga.push.outcomes = {"c": BUSY} if draw.random() < 0.5 else {}
        case "clock":
            saga.scene.world.clock.move(minutes=draw.choice([1, 10, 40]))
        case "receipts":
            await saga.fail_late(draw)
        case "outage":
            await saga.publish(draw.choice(["change", "cancellation"]))


@pytest.mark.parametrize("seed", [3, 13, 17, 18, 22])
async def test_only_newest_revision_starts(saga, plan, send, seed):
    """Whatever happens in whatever order, what a provider takes is of the revision that is the newest at that time."""
    draw = Random(seed)  # noqa: S311 - a repeatable order
    told: Counter[int] = Counter()
    for _ in range(12):
        for work in draw.sample([plan, send, saga.follow, send, saga.complete], 5):
            await work()
            assert set(Counter(saga.texts()) - told) <= {saga.revision}
            told = Counter(saga.texts())
        await happen(saga, draw)
    assert told
