"""One claimed batch while it is being sent: what is left of it, what may still be done, and how its outcomes are recorded."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final
from uuid import UUID

from gridcare.observability import metrics
from gridcare.postgres.database import Connection
from outage_notifier.core.audience import Member
from outage_notifier.core.delivery import Decision, Delivery, Situation, decide_unsent
from outage_notifier.core.lease import Lease
from outage_notifier.core.notice import Content
from outage_notifier.core.outcome import Outcome, OutcomeKind
from outage_notifier.core.template import TEMPLATES
from outage_notifier.flow.sending import Breaker, Sending
from outage_notifier.store import attempt, batch, delivery
from outage_notifier.store.attempt import Attempt
from outage_notifier.store.batch import ClaimedBatch

PROVIDERS: Final = {"push": "fcm", "sms": "twilio"}


class BatchWork:
    """One claimed batch while it is being sent."""

    def __init__(self, sending: Sending, claimed: ClaimedBatch, contents: Mapping[UUID, Content], lease: Lease) -> None:
        self.sending = sending
        self.claimed = claimed
        self.contents = contents
        self.lease = lease
        self.pending: list[tuple[int, Member]] = []
        self.in_doubt: set[tuple[UUID, str]] = set()
        self.left_unsent = False
        self.stopping = asyncio.Event()

    def notice_id(self, member: Member) -> UUID:
        """Give a member's notice: its own where one-recipient notices are packed, else the batch's."""
        found = member.notice_id or self.claimed.notice_id
        if found is None:
            raise LookupError(f"batch {self.claimed.batch_id}: a member without a notice")
        return found

    def key(self, member: Member) -> delivery.Key:
        return (self.notice_id(member), member.recipient_id)

    def may_call(self) -> bool:
        """Say whether another call may start; remembers that something was left when not."""
        allowed = not self.stopping.is_set() and self.lease.may_call(
            time.monotonic(), call_timeout_s=self.sending.limits.call_timeout_s
        )
        self.left_unsent |= not allowed
        return allowed

    @property
    def breaker(self) -> Breaker:
        """The breaker of the batch's channel."""
        return self.sending.breakers[self.claimed.channel]

    async def guarded(self, call: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Call the provider unless the breaker is open; trip it when our own credentials are refused."""
        if self.breaker.is_open:
            return Outcome(OutcomeKind.MISCONFIGURED, "breaker-open")
        outcome = await call()
        if outcome.kind is OutcomeKind.MISCONFIGURED:
            self.breaker.trip(outcome.code)
        return outcome

    def situation(self, member: Member) -> Situation:
        """Describe what a decision about a member depends on, now."""
        content = self.contents[self.notice_id(member)]
        return Situation(
            now=self.sending.clock.now(),
            useful_until=content.useful_until,
            tries=member.tries,
            fallback=member.fallback,
            told_before=member.told_before,
            patience=TEMPLATES[content.template].patience,
            first_look=self.sending.limits.first_look,
        )

    def unsent(self, member: Member) -> Decision | None:
        """Say why a member is not to be sent now, if it is not."""
        content = self.contents[self.notice_id(member)]
        situation = self.situation(member)
        template = TEMPLATES[content.template]
        held_until = None if template.ignores_quiet_hours else self.sending.quiet_hours.held_until(situation.now)
        return decide_unsent(situation, superseded=content.superseded or self.lease.superseded, held_until=held_until)

    def delivery(self, member: Member, decision: Decision, *, contact: str, called: bool) -> Delivery:
        """Make the row that a decision becomes."""
        return Delivery(
            notice_id=self.notice_id(member),
            recipient_id=member.recipient_id,
            number=member.number,
            home_batch_id=member.home_batch_id or self.claimed.batch_id,
            language=member.language,
            state=decision.state,
            reason=decision.reason,
            channel=self.claimed.channel,
            contact=contact,
            covered_by=None,
            tries=member.tries + int(called),
            looks=0,
            next_attempt_at=decision.next_attempt_at,
            next_channel=decision.next_channel or (self.claimed.channel if decision.next_attempt_at else None),
            follow_up_batch_id=None,
            recorded_at=self.sending.clock.now(),
        )

    async def fence(self, tx: Connection) -> bool:
        """Lock the batch at this attempt, and the home batches of a follow-up; false when the lease is gone."""
        if not await batch.lock(tx, self.claimed.batch_id, self.claimed.attempt):
            self.lease.lost = True
            return False
        if not self.claimed.home:
            await batch.lock_many(tx, [m.home_batch_id for m in self.claimed.members if m.home_batch_id])
        return True

    async def record(self, deliveries: Sequence[Delivery], attempts: Sequence[Attempt]) -> bool:
        """Write outcomes of pushes, fenced; false when the lease is gone and nothing was written."""
        async with self.sending.db.transaction() as tx:
            if not await self.fence(tx):
                return False
            await attempt.insert(tx, attempts)
            await delivery.record(tx, deliveries)
        self.count(deliveries, attempts)
        return True

    def count(self, deliveries: Sequence[Delivery], ended: Sequence[Attempt]) -> None:
        """Count what was recorded, by state and by outcome."""
        channel = self.claimed.channel
        for state, number in Counter(row.state for row in deliveries).items():
            metrics.DELIVERIES.inc(number, channel=channel, state=state)
        provider = PROVIDERS[channel]
        for outcome, number in Counter(str(each.outcome) for each in ended).items():
            metrics.PROVIDER_CALLS.inc(number, provider=provider, outcome=outcome)
        took_s = ((each.ended_at - each.started_at).total_seconds() for each in ended if each.ended_at is not None)
        metrics.PROVIDER_CALL_SECONDS.observe_all(took_s, provider=provider)


def enumerate_places(members: Sequence[Member]) -> list[tuple[int, Member]]:
    """Give each member with the place of its first contact among all contacts of the batch."""
    places, place = [], 0
    for member in members:
        places.append((place, member))
        place += max(1, len(member.contacts))
    return places
