"""A batch: at most 500 deliveries of one channel and lane, handled together."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from gridcare.events.notices import Channel, Lane
from outage_notifier.ledger.core.delivery import DeliveryChannel
from outage_notifier.ledger.core.member import Member


@dataclass(frozen=True, slots=True)
class Hint:
    """What a batch's topic is told: that the batch waits, for the `number`th time."""

    batch_id: UUID
    channel: Channel
    lane: Lane
    number: int = 1


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch to be written.

    `notice_id` is None for one-recipient notices packed together. A `home` batch is the one that planning cut a recipient
    into; one of channel `none` only counts those who were settled when they were planned.
    """

    batch_id: UUID
    notice_id: UUID | None
    home: bool
    channel: DeliveryChannel
    lane: Lane
    members: Sequence[Member]

    @property
    def hint(self) -> Hint | None:
        """The first hint at it, or None if there is nothing to send."""
        return None if self.channel == "none" else Hint(self.batch_id, self.channel, self.lane)


@dataclass(frozen=True, slots=True)
class ClaimedBatch:
    """A batch under a lease; `claim_number` fences everything that is written for it."""

    batch_id: UUID
    notice_id: UUID | None
    home: bool
    channel: Channel
    lane: Lane
    claim_number: int
    members: tuple[Member, ...]
