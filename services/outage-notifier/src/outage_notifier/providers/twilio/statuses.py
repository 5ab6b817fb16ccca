"""What Twilio's message statuses and error codes mean for a delivery and for a phone."""

from collections.abc import Mapping
from typing import Final

from outage_notifier.ledger.core.delivery import State

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
UNREACHABLE: Final = frozenset({"21211", "21614", "30005", "30006"})
"""Not a number, no mobile, unknown handset, landline or unreachable carrier: no message will ever arrive."""


def state_of(status: str) -> State | None:
    """Return the state that a message's status is a receipt of, or None for a status that we do not know."""
    return _STATES.get(status)
