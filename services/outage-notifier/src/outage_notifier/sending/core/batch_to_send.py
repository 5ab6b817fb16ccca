"""A claimed batch as its sender needs it: who is still to be sent what, and the rows that its decisions become."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from outage_notifier.ledger.core.batch import ClaimedBatch
from outage_notifier.ledger.core.decision import Decision, Situation
from outage_notifier.ledger.core.delivery import APP_CONTACT, Delivery, DeliveryKey, State
from outage_notifier.ledger.core.member import Member
from outage_notifier.ledger.core.notice import Content
from outage_notifier.texts.template import TEMPLATES

_STAYS_TOLD: Final = frozenset({State.AWAITING, State.ACCEPTED})
"""Of an SMS that follows an accepted push; with a reason: the SMS is not, or not yet, what told the recipient."""


_STRIDE, _SPAN = 7_919, 10_007  # two primes: multiples of the one are well spread over the other


class Pending(NamedTuple):
    """A member that is not recorded yet, with its notice, and the number of its first contact among all of the batch."""

    contact_number: int
    member: Member
    content: Content

    @property
    def key(self) -> DeliveryKey:
        """The key of its delivery."""
        return (self.content.notice_id, self.member.recipient_id)


@dataclass(frozen=True, slots=True)
class BatchToSend:
    """A claimed batch with what its sender loaded for it.

    `in_doubt` are those of its deliveries for which an earlier claim made a call that the provider may have taken,
    `texted_before` those that an earlier batch made an SMS call for.
    """

    claimed: ClaimedBatch
    pending: Sequence[Pending]
    in_doubt: frozenset[DeliveryKey]
    first_look: timedelta
    texted_before: frozenset[DeliveryKey] = frozenset()

    def doubt(self, pending: Pending, now: datetime) -> Decision | None:
        """Hand a member over to be looked up if its call was under way when its sender died. Return None if there was none."""
        if pending.key not in self.in_doubt:
            return None
        return Decision(State.UNKNOWN, "sender-died", now + self.first_look, "sms")

    def situation(self, pending: Pending, now: datetime) -> Situation:
        """Describe what a decision about a member depends on."""
        _, member, content = pending
        return Situation(
            now=now,
            useful_until=content.useful_until,
            tries=member.tries,
            fallback=member.fallback,
            told_before=member.told_before,
            patience=TEMPLATES[content.template].patience,
            untaken_patience=TEMPLATES[content.template].untaken_patience,
            first_look=self.first_look,
        )

    def delivery(
        self,
        pending: Pending,
        decision: Decision,
        *,
        contact: str,
        called: bool,
        now: datetime,
        told_devices: Sequence[str] = (),
    ) -> Delivery:
        """Return the row that a decision of `now` becomes; `told_devices` took a push in this batch."""
        claimed, member = self.claimed, pending.member
        next_channel = decision.next_channel or (claimed.channel if decision.next_attempt_at else None)
        by_push = member.told_before and decision.state in _STAYS_TOLD and decision.reason != ""
        told = [*member.told_devices, *told_devices]
        some_left = bool(member.told_devices) or len(told) < len(member.contacts)
        return Delivery(
            notice_id=pending.content.notice_id,
            recipient_id=member.recipient_id,
            number=member.number,
            home_batch_id=member.home_batch_id or claimed.batch_id,
            language=member.language,
            state=decision.state,
            reason=decision.reason,
            channel="push" if by_push else claimed.channel,
            contact=APP_CONTACT if by_push and claimed.channel == "sms" else contact,
            covered_by=None,
            tries=member.tries + int(called),
            looks=0,
            next_attempt_at=decision.next_attempt_at,
            next_channel=next_channel,
            follow_up_batch_id=None,
            recorded_at=now,
            told_devices=told if told and some_left else None,
            told_by_push=member.told_before,
        )


def one_by_one(batch: BatchToSend) -> BatchToSend:
    """Return the batch in an order for a probe, which differs from batch to batch: neighbours may be lost for one reason."""
    number = batch.claimed.claim_number * _STRIDE
    order = sorted(batch.pending, key=lambda pending: (pending.contact_number * _STRIDE + number) % _SPAN)
    return replace(batch, pending=order)


def notice_id_of(member: Member, claimed: ClaimedBatch) -> UUID:
    """Return a member's notice: its own where one-recipient notices are packed, else the batch's. Raises LookupError."""
    notice_id = member.notice_id or claimed.notice_id
    if notice_id is None:
        raise LookupError(f"batch {claimed.batch_id}: a member without a notice")
    return notice_id


def is_fresh(claimed: ClaimedBatch) -> bool:
    """Say whether this is the first claim of a home batch: then none of it can be recorded yet."""
    return claimed.claim_number == 1 and claimed.home


def pending_of(
    claimed: ClaimedBatch, contents: Mapping[UUID, Content], recorded: Mapping[DeliveryKey, Delivery]
) -> list[Pending]:
    """List the members that need a call, given their notices and the deliveries that have a row.

    In a home batch a member with a row is done. A member of a follow-up has one from before, which names this batch until
    its outcome is recorded.
    """
    pending: list[Pending] = []
    contact_number = 0
    for member in claimed.members:
        content = contents[notice_id_of(member, claimed)]
        row = recorded.get((content.notice_id, member.recipient_id))
        done = row is not None if claimed.home else row is None or row.follow_up_batch_id != claimed.batch_id
        if not done:
            pending.append(Pending(contact_number, member, content))
        contact_number += max(1, len(member.contacts))
    return pending
