"""Looking up an SMS whose call has an unknown end: which listed message is it, and what if none is."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from outage_notifier.ledger.core.attempt import body_hash
from outage_notifier.ledger.core.decision import Decision
from outage_notifier.ledger.core.delivery import State
from outage_notifier.ledger.core.outcome import ListedMessage

SKEW: Final = timedelta(seconds=30)
"""The provider's clock may differ from ours, and it tells whole seconds."""

LOOKS: Final = 2
"""A message may be listed late: only two looks, minutes apart, are proof that it is not there."""


def fitting(listed: Sequence[ListedMessage], *, text_hash: bytes, begun_at: datetime) -> list[ListedMessage]:
    """Return the messages that a call may have made: of the same text, created since it began; the oldest first.

    The first one that is nobody else's is taken: younger ones belong to later calls.
    """
    fits = [
        message for message in listed if message.created_at >= begun_at - SKEW and body_hash(message.body) == text_hash
    ]
    return sorted(fits, key=lambda message: message.created_at)


def decide_not_found(
    *, looks: int, now: datetime, useful_until: datetime, between_looks: timedelta, told_before: bool
) -> Decision:
    """Say what follows a successful look that did not find the message; `looks` counts this one.

    `told_before`: an earlier push of the same delivery was accepted, which keeps it from ending as not told.
    """
    if looks < LOOKS:
        return Decision(State.UNKNOWN, "not-found-yet", now + between_looks, "sms")
    if now < useful_until:
        return Decision(State.AWAITING if told_before else State.RETRYING, "not-created", now, "sms")
    return Decision(State.ACCEPTED, "sms-not-created") if told_before else Decision(State.EXPIRED, "not-created")


def decide_not_asked(*, now: datetime, useful_until: datetime, pause: timedelta) -> Decision:
    """Say what follows a look that failed: another one, until the message is of no use to anybody."""
    if now < useful_until:
        return Decision(State.UNKNOWN, "provider-silent", min(now + pause, useful_until), "sms")
    return Decision(State.UNRESOLVED, "provider-silent")
