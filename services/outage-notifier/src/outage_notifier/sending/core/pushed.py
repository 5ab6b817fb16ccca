"""A member whose devices were called, and what follows from the outcomes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from outage_notifier.ledger.core.attempt import Attempt
from outage_notifier.ledger.core.decision import decide_push
from outage_notifier.ledger.core.delivery import Delivery
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.sending.core.batch_to_send import BatchToSend, Pending
from outage_notifier.sending.core.not_called import NOT_STARTED

DOUBT_PAUSE_S: Final = 60.0
"""How long after a doubted answer the provider is asked again: meanwhile other batches show whether the fault is ours."""


class PushCall(Struct, frozen=True, gc=False):
    """One call of a device."""

    device_id: str
    started_at: datetime
    ended_at: datetime
    outcome: Outcome


class PushedMember(Struct, frozen=True, gc=False):
    """A member whose devices were called, all of them unless `cut_short`.

    If cut short, the rest are called later; these are not called again.
    """

    pending: Pending
    calls: Sequence[PushCall]
    cut_short: bool

    @property
    def outcomes(self) -> list[Outcome]:
        """What became of its devices."""
        ended = [call.outcome for call in self.calls]
        return [*ended, NOT_STARTED] if self.cut_short else ended

    @property
    def taken(self) -> list[str]:
        """The devices that were reached."""
        return [call.device_id for call in self.calls if call.outcome.kind is OutcomeKind.ACCEPTED]

    @property
    def gone(self) -> list[str]:
        """The devices that the provider says are gone."""
        return [call.device_id for call in self.calls if call.outcome.contact_dead]

    @property
    def foreign(self) -> list[tuple[str, str]]:
        """The devices that the provider says are another sender's, with its code."""
        return [(call.device_id, call.outcome.code) for call in self.calls if call.outcome.contact_foreign]

    @property
    def is_first_try(self) -> bool:
        """Whether this was the delivery's first try: the later ones are of those who were unlucky, and say little."""
        return self.pending.member.tries == 0

    @property
    def is_blocked(self) -> bool:
        """Whether a fault of ours kept it from everybody: no device took it, so the member stays pending."""
        kinds = {call.outcome.kind for call in self.calls}
        return OutcomeKind.MISCONFIGURED in kinds and OutcomeKind.ACCEPTED not in kinds

    @property
    def refused(self) -> int:
        """How many of its devices were refused: their own trouble, unless it is everybody's."""
        return sum(call.outcome.may_be_ours for call in self.calls)


def doubted(pushed: PushedMember) -> PushedMember:
    """Return the member with its devices not refused yet: they are asked again after a pause, and believed then."""
    if not pushed.is_first_try:
        return pushed
    return _instead_of_refused(pushed, OutcomeKind.RETRY, DOUBT_PAUSE_S)


def blamed_on_us(pushed: PushedMember) -> PushedMember:
    """Return the member with its devices not refused after all: the fault is ours."""
    return _instead_of_refused(pushed, OutcomeKind.MISCONFIGURED, None)


def _instead_of_refused(pushed: PushedMember, kind: OutcomeKind, retry_after_s: float | None) -> PushedMember:
    calls = [
        replace(call, outcome=Outcome(kind, call.outcome.code, retry_after_s=retry_after_s))
        if call.outcome.may_be_ours
        else call
        for call in pushed.calls
    ]
    return replace(pushed, calls=calls)


def delivery_of(pushed: PushedMember, batch: BatchToSend, now: datetime) -> Delivery:
    """Return the row that a member's outcomes become."""
    return batch.delivery(
        pushed.pending,
        decide_push(pushed.outcomes, batch.situation(pushed.pending, now)),
        contact=f"{len(pushed.calls)} device(s)",
        called=bool(pushed.calls),
        now=now,
        told_devices=pushed.taken,
    )


def attempts_of(pushed: PushedMember, batch: BatchToSend) -> list[Attempt]:
    """Return the rows of a member's calls."""
    contact_number, member, content = pushed.pending
    return [
        Attempt(
            batch_id=batch.claimed.batch_id,
            contact_number=contact_number + member.contacts.index(call.device_id),
            try_=batch.claimed.claim_number,
            notice_id=content.notice_id,
            recipient_id=member.recipient_id,
            channel="push",
            contact_id=call.device_id,
            started_at=call.started_at,
            ended_at=call.ended_at,
            outcome=call.outcome.kind,
            error_code=call.outcome.code or None,
            provider_message_id=call.outcome.message_id,
        )
        for call in pushed.calls
    ]
