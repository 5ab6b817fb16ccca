"""What one provider call came to, in our words: the vendors' codes are translated by outbound/."""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec


class OutcomeKind(StrEnum):
    """The five ways in which a call can end."""

    ACCEPTED = "accepted"
    """The provider took the message."""
    REFUSED = "refused"
    """The provider will never take this message for this contact."""
    RETRY = "retry"
    """The provider certainly did not take it and may do so later."""
    UNKNOWN = "unknown"
    """It may have been taken: a timeout, a broken connection, an answer of 5xx."""
    MISCONFIGURED = "misconfigured"
    """Our credentials or settings are wrong: certainly not taken, and no fault of the contact's."""


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """The end of one call.

    `code` is the provider's error code (`UNREGISTERED`, `21610`) or our word for what happened to the connection;
    `contact_dead`: nothing will ever reach this contact (a device is pruned, a phone marked bad);
    `opted_out`: the owner of the phone refused further messages with the provider.
    """

    kind: OutcomeKind
    code: str = ""
    message_id: str | None = None
    retry_after_s: float | None = None
    contact_dead: bool = False
    opted_out: bool = False


class PushSender(Protocol):
    """Sends one push; the body is the whole FCM v1 request as JSON."""

    async def send(self, body: bytes) -> Outcome: ...


class FoundMessage(msgspec.Struct, frozen=True):
    """A message that the SMS provider has, as its list shows it; `created_at` is an aware time."""

    message_id: str
    body: str
    status: str
    error_code: str | None
    created_at: datetime


class SmsSender(Protocol):
    """Sends one SMS, and finds what became of one."""

    async def send(self, *, to: str, body: str, callback_ref: str, validity_s: int) -> Outcome:
        """Create a message; `callback_ref` rides in the status callback's address. Never tries twice."""
        ...

    async def recent(self, to: str) -> list[FoundMessage]:
        """List the newest messages to a number, newest first, with no date filter. Raises Retryable."""
        ...
