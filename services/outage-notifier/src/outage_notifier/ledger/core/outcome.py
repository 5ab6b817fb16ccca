"""What one provider call came to, in our words: providers/ translates the providers' codes."""

from datetime import datetime
from enum import StrEnum

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

    `code` is the provider's error code (`UNREGISTERED`, `21610`) or our own code for what happened to the connection;
    `contact_dead`: nothing will ever reach this contact (a device is pruned, a phone marked bad);
    `contact_foreign`: the device registered with another sender than us (it is put aside);
    `opted_out`: the owner of the phone refused further messages with the provider.
    """

    kind: OutcomeKind
    code: str = ""
    message_id: str | None = None
    retry_after_s: float | None = None
    contact_dead: bool = False
    contact_foreign: bool = False
    opted_out: bool = False

    @property
    def contact_lost(self) -> bool:
        """Whether this contact is of no use to us any more."""
        return self.contact_dead or self.contact_foreign

    @property
    def may_be_ours(self) -> bool:
        """Whether it is this contact's own trouble only as long as others are served: the judge counts it.

        A refusal that comes to nearly all of them is about us, whatever its code. An owner's refusal never is.
        """
        return self.kind is OutcomeKind.REFUSED and not self.opted_out


class StatusCallback(msgspec.Struct, frozen=True):
    """What the SMS provider reported about one message; `error_code` is empty if there was none."""

    message_id: str
    status: str
    error_code: str = ""


class ListedMessage(msgspec.Struct, frozen=True):
    """A message as the SMS provider's list shows it; `created_at` is an aware time."""

    message_id: str
    body: str
    status: str
    error_code: str | None
    created_at: datetime
