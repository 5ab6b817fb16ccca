"""A member whose SMS call has ended, and what follows from the outcome."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from outage_notifier.ledger.core.attempt import Attempt
from outage_notifier.ledger.core.decision import decide_sms
from outage_notifier.ledger.core.delivery import Delivery
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.sending.core.batch_to_send import BatchToSend, Pending
from outage_notifier.sending.core.pushed import DOUBT_PAUSE_S


class TextedMember(Struct, frozen=True, gc=False):
    """A member whose phone was called; `masked` is what a person may see of the number."""

    pending: Pending
    contact_id: str
    masked: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Ended:
    """What a chunk of calls came to; `phones_bad` are phone ids with the provider's code."""

    deliveries: Sequence[Delivery] = ()
    attempts: Sequence[Attempt] = ()
    phones_bad: Sequence[tuple[str, str]] = ()
    phones_opted_out: Sequence[str] = ()


@dataclass(slots=True)
class Judged:
    """What the judge is told at the end: how many first calls were taken, and who was refused."""

    taken: int = 0
    refused: list[TextedMember] = field(default_factory=list)


def is_first_text(texted: TextedMember, batch: BatchToSend) -> bool:
    """Say whether this was the delivery's first SMS: the later ones are of those who were unlucky, and say little.

    Who was told by push is left out too: nothing is lost by believing the answer.
    """
    return texted.pending.key not in batch.texted_before and not texted.pending.member.told_before


def doubted(texted: TextedMember, batch: BatchToSend) -> TextedMember:
    """Return the member as not refused yet: it is asked again after a pause, and believed then."""
    if not is_first_text(texted, batch):
        return texted
    return replace(texted, outcome=Outcome(OutcomeKind.RETRY, texted.outcome.code, retry_after_s=DOUBT_PAUSE_S))


def delivery_of(texted: TextedMember, batch: BatchToSend, now: datetime) -> Delivery:
    """Return the row that a member's outcome becomes."""
    decision = decide_sms(texted.outcome, batch.situation(texted.pending, now))
    return batch.delivery(texted.pending, decision, contact=texted.masked, called=True, now=now)


def ended_attempt(begun: Attempt, outcome: Outcome, now: datetime) -> Attempt:
    """Return the row of a call that has ended."""
    return replace(
        begun,
        ended_at=now,
        outcome=outcome.kind,
        error_code=outcome.code or None,
        provider_message_id=outcome.message_id,
    )
