"""What a provider's status callback says of a message, a delivery and a phone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from outage_notifier.ledger.core.delivery import State

GIVEN_UP_AFTER: Final = timedelta(days=7)
"""A receipt that fits no attempt of ours in this time never will."""

_COLUMN: Final = range(2**31)
_LOOK_AGAIN_MIN: Final = timedelta(seconds=1)
_LOOK_AGAIN_MAX: Final = timedelta(hours=1)

_STATES: Final[Mapping[str, State]] = {
    "accepted": State.ACCEPTED,
    "scheduled": State.ACCEPTED,
    "queued": State.ACCEPTED,
    "sending": State.ACCEPTED,
    "sent": State.ACCEPTED,
    "partially_delivered": State.ACCEPTED,
    "delivered": State.DELIVERED,
    "read": State.DELIVERED,
    "undelivered": State.FAILED,
    "failed": State.FAILED,
    "canceled": State.FAILED,
}
"""Source: twilio.com/docs/messaging/api/message-resource (message status values)."""

OPTED_OUT: Final = "21610"
UNREACHABLE: Final = frozenset({"21211", "21612", "21614", "30005", "30006"})
"""Not a number, no route, no mobile, unknown handset, landline or unreachable carrier: no message will ever arrive."""


@dataclass(frozen=True, slots=True)
class StatusCallback:
    """What a provider told of one message; `error_code` is empty when there was none."""

    message_id: str
    status: str
    error_code: str = ""


@dataclass(frozen=True, slots=True, order=True)
class AttemptName:
    """An attempt as it rides in a callback's address: `<batch_id>.<place>.<try>`."""

    batch_id: UUID
    place: int
    try_: int

    def __str__(self) -> str:
        return f"{self.batch_id}.{self.place}.{self.try_}"


def attempt_name(text: str | None) -> AttemptName | None:
    """Read an attempt's name; None when it is none."""
    parts = (text or "").split(".")
    try:
        batch_id, place, try_ = parts
        name = AttemptName(UUID(batch_id), int(place), int(try_))
    except ValueError:
        return None
    return name if str(name) == text and name.place in _COLUMN and name.try_ in _COLUMN else None


def state_of(status: str) -> State | None:
    """Give the state that a message's status is a receipt of; None for a status that we do not know."""
    return _STATES.get(status)


def look_again_at(received_at: datetime, now: datetime) -> datetime | None:
    """Say when a receipt without an attempt or delivery is looked at again: it may have come before the call's own answer.

    None: it is given up. The wait is half the receipt's age, so that a few strays cost next to nothing.
    """
    age = now - received_at
    if age >= GIVEN_UP_AFTER:
        return None
    return now + min(max(age / 2, _LOOK_AGAIN_MIN), _LOOK_AGAIN_MAX)
