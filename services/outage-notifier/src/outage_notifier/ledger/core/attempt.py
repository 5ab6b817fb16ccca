"""An attempt: one provider call for a delivery, to one contact on one channel."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from gridcare.events.notices import Channel
from outage_notifier.ledger.core.delivery import DeliveryKey
from outage_notifier.ledger.core.outcome import OutcomeKind

_COLUMN: Final = range(2**31)


@dataclass(frozen=True, slots=True, order=True)
class AttemptName:
    """An attempt's name as a callback's address carries it: `<batch_id>.<contact number>.<try>`."""

    batch_id: UUID
    contact_number: int
    try_: int

    def __str__(self) -> str:
        return f"{self.batch_id}.{self.contact_number}.{self.try_}"


class Attempt(Struct, frozen=True, gc=False):
    """One call. `contact_number` counts its contact among all contacts of the batch's members.

    `try_` is the claim number under which it was made. Without an `outcome` it has begun, and nothing more is known of it.
    `not_before` is what the SMS provider's clock showed at least when it began; None where that was not known.
    """

    batch_id: UUID
    contact_number: int
    try_: int
    notice_id: UUID
    recipient_id: str
    channel: Channel
    contact_id: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: OutcomeKind | None = None
    error_code: str | None = None
    provider_message_id: str | None = None
    body_hash: bytes | None = None
    not_before: datetime | None = None

    @property
    def name(self) -> AttemptName:
        """How it is named in the callback's address."""
        return AttemptName(self.batch_id, self.contact_number, self.try_)

    @property
    def delivery_key(self) -> DeliveryKey:
        """The delivery that it was made for."""
        return (self.notice_id, self.recipient_id)


def attempt_name(text: str | None) -> AttemptName | None:
    """Return the attempt's name that a text holds, or None if it holds none."""
    parts = (text or "").split(".")
    try:
        batch_id, contact_number, try_ = parts
        name = AttemptName(UUID(batch_id), int(contact_number), int(try_))
    except ValueError:
        return None
    return name if str(name) == text and name.contact_number in _COLUMN and name.try_ in _COLUMN else None


def body_hash(text: str) -> bytes:
    """Return the hash that a body is recognised by: SHA-256, without leading and trailing blanks, which Twilio may trim."""
    return hashlib.sha256(text.strip().encode()).digest()
