"""An attempt: one provider call for a delivery, to one contact on one channel."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

_COLUMN: Final = range(2**31)


@dataclass(frozen=True, slots=True, order=True)
class AttemptName:
    """An attempt as it rides in a callback's address: `<batch_id>.<place>.<try>`."""

    batch_id: UUID
    place: int
    try_: int

    def __str__(self) -> str:
        return f"{self.batch_id}.{self.place}.{self.try_}"


class Attempt(Struct, frozen=True, gc=False):
    """One call; `place` is the contact's place among all contacts of the batch's members."""

    batch_id: UUID
    place: int
    try_: int
    notice_id: UUID
    recipient_id: str
    channel: str
    contact_id: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str | None = None
    error_code: str | None = None
    provider_message_id: str | None = None
    body_hash: bytes | None = None

    @property
    def name(self) -> AttemptName:
        """Name it as it rides in the callback's address."""
        return AttemptName(self.batch_id, self.place, self.try_)


def attempt_name(text: str | None) -> AttemptName | None:
    """Read an attempt's name; None when it is none."""
    parts = (text or "").split(".")
    try:
        batch_id, place, try_ = parts
        name = AttemptName(UUID(batch_id), int(place), int(try_))
    except ValueError:
        return None
    return name if str(name) == text and name.place in _COLUMN and name.try_ in _COLUMN else None


def body_hash(text: str) -> bytes:
    """Give what a text is known by again: the provider may trim it."""
    return hashlib.sha256(text.strip().encode()).digest()
