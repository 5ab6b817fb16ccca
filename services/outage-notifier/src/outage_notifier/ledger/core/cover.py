"""Covered recipients: who was to be told of the notice on a contact that both have, and whether that happened."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from gridcare.events.notices import Channel
from outage_notifier.ledger.core.delivery import OPEN, TOLD, Delivery, DeliveryKey, State, settled

NOT_TOLD: Final = "cover-not-told"
"""The reason of a delivery that was covered until it turned out that nobody was told on the contact."""

_LOOK_AGAIN_MIN: Final = timedelta(minutes=1)
_LOOK_AGAIN_MAX: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Cover:
    """A recipient who is covered: `covered_by` was to be told on the contact that `channel` and `contact_key` name.

    The key is a number's index (sms) or a device's id (push), as in the notes of shared contacts.
    """

    notice_id: UUID
    recipient_id: str
    covered_by: str
    channel: Channel
    contact_key: bytes

    @property
    def key(self) -> DeliveryKey:
        """The key of the covered delivery."""
        return (self.notice_id, self.recipient_id)

    @property
    def owner_key(self) -> DeliveryKey:
        """The key of the delivery that covers it."""
        return (self.notice_id, self.covered_by)


class Fate(Enum):
    """What a look at a cover finds."""

    HOLDS = "holds"
    """The owner was told on the contact."""
    OPEN = "open"
    """Nobody can say yet."""
    LOST = "lost"
    """The owner ended without being told on the contact."""


def fate_of(cover: Cover, owner: Delivery | None, *, texted: bool, noted: bool) -> Fate:
    """Say whether a cover holds, by the owner's delivery (None: not recorded yet).

    `texted`: an SMS of the notice to the shared number was taken for the owner, and no receipt says that it failed.
    `noted`: the owner is still to be told on the contact. Planning notes an owner ahead, who then may not come.
    """
    if owner is None:
        return Fate.OPEN if noted else Fate.LOST
    if cover.channel == "push":
        told = owner.pushed and (not owner.told_devices or cover.contact_key.decode() in owner.told_devices)
    else:
        told = texted and owner.state in TOLD and not owner.reason.startswith("sms-")
    if told:
        return Fate.HOLDS
    return Fate.OPEN if owner.state in OPEN else Fate.LOST


def uncovered(row: Delivery, now: datetime) -> Delivery:
    """Return a covered delivery as one that is due now, to be told by another way or on the contact itself."""
    due = settled(row, State.RETRYING, reason=NOT_TOLD, now=now)
    return replace(due, covered_by=None, contact="", next_attempt_at=now)


def look_again_at(covered_at: datetime, now: datetime) -> datetime:
    """Return when to look again at a cover whose owner is open. What settles the owner untold brings it forward."""
    return now + min(max((now - covered_at) / 2, _LOOK_AGAIN_MIN), _LOOK_AGAIN_MAX)
