"""The campaign: a broken stack, business going on in it, and a verdict once it is quiet again."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx
from aiokafka.errors import KafkaError
from tests.faults.judge.evidence import (
    BILLING,
    GROUPS,
    NOTIFIER,
    REPAIR,
    SERVICES,
    Evidence,
    call_witnesses,
    gather,
    offsets_of,
)
from tests.faults.judge.judge import canaries_of, judge
from tests.faults.judge.violation import Violation
from tests.faults.rig.journal import Journal
from tests.faults.rig.rig import Rig
from tests.faults.rig.topics import TopicsJournal
from tests.faults.work.caller import Caller, new_key
from tests.faults.work.workload import Workload

from gridcare.testing.waiting import came_true

QUIET_TIMEOUT_S = 240.0
LOOK_S = 1.0
CODES_A_TOKEN = 50

NO_LOOK = (KafkaError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
LOOKS_MAX = 3
"""A machine that is busy enough lets a look at the whole stack time out."""

BUSY: dict[str, tuple[str, str]] = {
    "outbox of outage-notifier": (NOTIFIER, "SELECT count(*) FROM outbox"),
    "outbox of repair-intake": (REPAIR, "SELECT count(*) FROM outbox"),
    "outbox of billing-gateway": (BILLING, "SELECT count(*) FROM outbox"),
    "provider events to handle": (BILLING, "SELECT count(*) FROM provider_event WHERE handled_at IS NULL"),
    "batches to send": (NOTIFIER, "SELECT count(*) FROM batch WHERE state <> 'settled'"),
    "open deliveries": (
        NOTIFIER,
        "SELECT count(*) FROM delivery WHERE state IN ('held', 'retrying', 'unknown', 'awaiting')",
    ),
    "notices to complete": (NOTIFIER, "SELECT count(*) FROM notice WHERE state = 'planned'"),
    "receipts to apply": (
        NOTIFIER,
        "SELECT count(*) FROM receipt WHERE applied_at IS NULL AND apply_at <= received_at",
    ),
}
DUE = "SELECT count(*) FROM notice WHERE state = 'scheduled' AND due_at <= $1"
AWAITING = """
SELECT d.notice_id || '-' || d.number AS delivery_id, d.recipient_id FROM delivery d WHERE d.state = 'awaiting' LIMIT 500
"""


@dataclass
class Campaign:
    """Everything that a fault needs."""

    rig: Rig
    journal: Journal
    caller: Caller
    work: Workload
    topics: TopicsJournal
    dice: random.Random
    quiet_timeout_s: float = QUIET_TIMEOUT_S
    known: set[Violation] = field(default_factory=set)
    deaths: Counter[str] = field(default_factory=Counter)
    evidence: Evidence | None = None

    async def busy(self, seconds: float, *, tickets: float = 0, payments: float = 0, cuts: float = 0) -> None:
        """Do business for so long."""
        self.work.start(tickets=tickets, payments=payments, cuts=cuts)
        await asyncio.sleep(seconds)
        await self.work.finish()

    async def until(self, condition: Callable[[], object], *, timeout_s: float) -> bool:
        """Wait for a condition, async or not. Return False if it did not come true in time."""
        return await came_true(condition, timeout_s=timeout_s, interval_s=LOOK_S)

    async def calm_down(self) -> list[str]:
        """End every fault and wait until nothing is left to do. Return what is left all the same."""
        await asyncio.to_thread(self.rig.heal)
        await self.work.finish()
        left = ["the first look"]

        async def calm() -> bool:
            left[:] = await self._left()
            return not left

        await self.until(self.rig.ready, timeout_s=120)
        await self.until(calm, timeout_s=self.quiet_timeout_s)
        return left

    async def _left(self) -> list[str]:
        try:
            await self._mark_received()
            left = [what for service in SERVICES for what in await self._busy(service)]
            if (await self.rig.fetch(NOTIFIER, DUE, self.rig.now))[0][0]:
                left.append("notices to plan")
            if left:
                return left
            ends = await self.topics.ends()
            for group in GROUPS:
                behind = sum(
                    ends.get(partition, 0) - offset
                    for partition, offset in (await offsets_of(self.rig, group)).items()
                    if offset >= 0
                )
                if behind:
                    left.append(f"{group} lags {behind} behind")
            if not left and not await self.topics.caught_up():
                left.append("the topics' journal")
        except NO_LOOK as error:
            return [f"no look possible: {type(error).__name__}"]
        return left

    async def _busy(self, service: str) -> list[str]:
        queries = {what: sql for what, (owner, sql) in BUSY.items() if owner == service}
        return [what for what, rows in (await self.rig.snapshot(service, queries)).items() if rows[0][0]]

    async def _mark_received(self) -> None:
        """Send the app's mark for every push that waits for one, so that nobody has to wait half an hour for the SMS."""
        awaiting = await self.rig.fetch(NOTIFIER, AWAITING)
        for start in range(0, len(awaiting), CODES_A_TOKEN):
            some = awaiting[start : start + CODES_A_TOKEN]
            token = self.caller.token("customer", *sorted({row["recipient_id"] for row in some}))
            for row in some:
                path = f"/v1/deliveries/{row['delivery_id']}/received"
                try:
                    await self.caller.once("POST", NOTIFIER, path, token=token, key=new_key(), body={})
                except httpx.TransportError:
                    return

    async def verdict(self) -> set[Violation]:
        """Judge. Return what was not known to be wrong before."""
        for look in range(1, LOOKS_MAX + 1):
            try:
                self.evidence = await gather(self.rig, self.journal, self.topics)
                break
            except NO_LOOK:
                if look == LOOKS_MAX:
                    raise
        assert self.evidence is not None
        found = await asyncio.to_thread(judge, self.evidence)
        fresh = found - self.known
        self.known |= found
        for each in sorted(fresh):
            self.journal.note("violation", invariant=each.invariant, what=each.what)
        return fresh

    def died(self) -> list[str]:
        """Return which processes died of a bug since the last look."""
        now = Counter(self.rig.deaths())
        fresh = now - self.deaths
        self.deaths = now
        return [f"{name} x{count}" for name, count in sorted(fresh.items())]


@asynccontextmanager
async def campaign(root: Path, *, seed: int, supply_points: int, python_path: str = "") -> AsyncIterator[Campaign]:
    """Start a stack with a town for a campaign, and stop it at the end."""
    rig = Rig(root, supply_points=supply_points, python_path=python_path)
    try:
        await asyncio.to_thread(rig.start, report=lambda _: None)
        await call_witnesses(rig)
        journal = Journal(root / "campaign.jsonl")
        caller = Caller(rig, journal)
        dice = random.Random(seed)  # noqa: S311 - a campaign is to be repeated
        topics = TopicsJournal(lambda: f"127.0.0.1:{rig.kafka.port}", canaries_of(rig.root))
        topics.start()
        made = Campaign(rig, journal, caller, Workload(rig, caller, journal, dice), topics, dice)
        try:
            yield made
        finally:
            await made.work.abandon()
            await topics.stop()
            await caller.close()
    finally:
        await asyncio.to_thread(rig.stop)
