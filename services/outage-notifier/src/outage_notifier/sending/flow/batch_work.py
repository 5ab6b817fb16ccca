"""One claimed batch while it is being sent: what is left of it, what may still be done, and how its outcomes are recorded."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from gridcare.observability import metrics
from gridcare.postgres.database import Connection
from outage_notifier.ledger.core.attempt import Attempt
from outage_notifier.ledger.core.delivery import Decision, Delivery, Situation, State, decide_unsent
from outage_notifier.ledger.core.member import Member
from outage_notifier.ledger.core.notice import Content
from outage_notifier.ledger.store import attempt, batch, delivery
from outage_notifier.ledger.store.batch import ClaimedBatch
from outage_notifier.sending.core.lease import Lease
from outage_notifier.sending.room import Breaker, Sending
from outage_notifier.texts.template import TEMPLATES

PROVIDERS: Final = {"push": "fcm", "sms": "twilio"}
STANDING_KEPT_S: Final = 0.1
"""Quiet hours and a message's usefulness end at minutes: a look at the clock a message would cost more than it tells."""


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
        self.settled = False
        self.stopping = asyncio.Event()
        self._standings: dict[tuple[UUID | None, bool], tuple[float, Decision | None]] = {}

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

    def situation(self, member: Member, now: datetime) -> Situation:
        """Describe what a decision about a member depends on."""
        content = self.contents[self.notice_id(member)]
        return Situation(
            now=now,
            useful_until=content.useful_until,
            tries=member.tries,
            fallback=member.fallback,
            told_before=member.told_before,
            patience=TEMPLATES[content.template].patience,
            first_look=self.sending.limits.first_look,
        )

    def unsent(self, member: Member) -> Decision | None:
        """Say why a member is not to be sent now, if it is not.

        The same for all members of a notice but for what they were told before; found anew every `STANDING_KEPT_S`, and
        at once when a newer revision superseded it.
        """
        key = (member.notice_id, member.told_before)
        found_at_s, decision = self._standings.get(key, (-STANDING_KEPT_S, None))
        now_s = time.monotonic()
        if now_s - found_at_s >= STANDING_KEPT_S or self.lease.superseded:
            decision = self._standing(member)
            self._standings[key] = (now_s, decision)
        return decision

    def _standing(self, member: Member) -> Decision | None:
        content = self.contents[self.notice_id(member)]
        situation = self.situation(member, self.sending.clock.now())
        template = TEMPLATES[content.template]
        held_until = None if template.ignores_quiet_hours else self.sending.quiet_hours.held_until(situation.now)
        return decide_unsent(situation, superseded=content.superseded or self.lease.superseded, held_until=held_until)

    def delivery(
        self,
        member: Member,
        decision: Decision,
        *,
        contact: str,
        called: bool,
        now: datetime,
        told_devices: Sequence[str] = (),
    ) -> Delivery:
        """Make the row that a decision of `now` becomes; `told_devices` took a push in this batch."""
        next_channel = decision.next_channel or (self.claimed.channel if decision.next_attempt_at else None)
        others_left = decision.state is State.AWAITING and next_channel == "push"
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
            next_channel=next_channel,
            follow_up_batch_id=None,
            recorded_at=now,
            told_devices=[*member.told_devices, *told_devices] if others_left else None,
        )

    async def fence(self, tx: Connection) -> bool:
        """Lock the batch at this attempt, and the home batches of a follow-up; false when the lease is gone."""
        if not await batch.lock(tx, self.claimed.batch_id, self.claimed.attempt):
            self.lease.lost = True
            return False
        if not self.claimed.home:
            await batch.lock_many(tx, [m.home_batch_id for m in self.claimed.members if m.home_batch_id])
        return True

    async def record(self, deliveries: Sequence[Delivery], attempts: Sequence[Attempt], *, last: bool = False) -> bool:
        """Write outcomes of pushes, fenced; false when the lease is gone and nothing was written.

        With the `last` ones the batch settles in the same transaction, unless something is left to send.
        """
        settled = False
        async with self.sending.db.transaction() as tx:
            if not await self.fence(tx):
                return False
            await attempt.insert(tx, attempts)
            await delivery.record(tx, deliveries)
            if last and not self.left_unsent:
                settled = await batch.settle(tx, self.claimed.batch_id)
        self.settled = settled
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
