"""Looking up an SMS whose call has an unknown end: which listed message is it, and what follows if none is."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from outage_notifier.ledger.core.attempt import body_hash
from outage_notifier.ledger.core.decision import Decision
from outage_notifier.ledger.core.delivery import State
from outage_notifier.ledger.core.outcome import ListedMessage

UNMEASURED: Final = timedelta(days=1)
"""How far our clock may be from the provider's where its answers have not told yet: the same text of another day is no match."""

LOOKS: Final = 2
"""A message may be listed late: only two look-ups, 90 s apart, prove that it is not there."""


def fitting(
    listed: Sequence[ListedMessage], *, text_hash: bytes, begun_at: datetime, not_before: datetime | None
) -> list[ListedMessage]:
    """Return the messages that a call may have made: with the same body, created since it began, oldest first.

    `listed` is in the provider's own order, newest first. `not_before` is what the provider's clock showed at least when the
    call began; without it, only `begun_at` on our own clock is known. The provider counts whole seconds. The first one that
    belongs to no other attempt is taken: younger ones are of later calls.
    """
    since = not_before.replace(microsecond=0) if not_before else begun_at - UNMEASURED
    return [
        message for message in reversed(listed) if message.created_at >= since and body_hash(message.body) == text_hash
    ]


def pause_left(*, looks: int, since_first: timedelta | None, between_looks: timedelta) -> timedelta:
    """Return how much is left of the pause after which the next look counts; zero or less if it counts now.

    `looks` counted before this one, the first of them `since_first` ago on the database's clock. If that is not known, or lies
    ahead of a clock that was set back, the pause begins anew.
    """
    if not looks:
        return timedelta()
    if since_first is None or since_first < timedelta():
        return between_looks
    return between_looks - since_first


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
