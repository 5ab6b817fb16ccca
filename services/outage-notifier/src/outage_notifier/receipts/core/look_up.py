"""Looking up an SMS whose call has an unknown end: which listed message is it, and what follows if none is."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from outage_notifier.ledger.core.attempt import body_hash
from outage_notifier.ledger.core.decision import Decision
from outage_notifier.ledger.core.delivery import State
from outage_notifier.ledger.core.outcome import ListedMessage

SKEW: Final = timedelta(seconds=30)
"""The provider's clock may differ from ours, and it counts whole seconds."""

LOOKS: Final = 2
"""A message may be listed late: only two look-ups, 90 s apart, prove that it is not there."""


def fitting(listed: Sequence[ListedMessage], *, text_hash: bytes, begun_at: datetime) -> list[ListedMessage]:
    """Return the messages that a call may have made: with the same body, created since it began, oldest first.

    The first one that belongs to no other attempt is taken: younger ones are of later calls.
    """
    fits = [
        message for message in listed if message.created_at >= begun_at - SKEW and body_hash(message.body) == text_hash
    ]
    return sorted(fits, key=lambda message: message.created_at)


def decide_not_found(
    *, looks: int, now: datetime, useful_until: datetime, between_looks: timedelta, told_before: bool
) -> Decision:
    """Say what follows a successful look-up that did not find the message; `looks` counts this one.

    `told_before`: an earlier push of the same delivery was accepted, so the delivery does not end as not told.
    """
    if looks < LOOKS:
        return Decision(State.UNKNOWN, "not-found-yet", now + between_looks, "sms")
    if now < useful_until:
        return Decision(State.AWAITING if told_before else State.RETRYING, "not-created", now, "sms")
    return Decision(State.ACCEPTED, "sms-not-created") if told_before else Decision(State.EXPIRED, "not-created")


def decide_not_asked(*, now: datetime, useful_until: datetime, pause: timedelta, told_before: bool) -> Decision:
    """Say what follows a look-up that failed: another one, until the message is no longer useful."""
    if now < useful_until:
        return Decision(State.UNKNOWN, "provider-silent", min(now + pause, useful_until), "sms")
    return Decision(State.ACCEPTED, "sms-unresolved") if told_before else Decision(State.UNRESOLVED, "provider-silent")
