"""`notices.v1`: what was said, and to how many; and the hints that point senders to a batch."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from gridcare.events.envelope import Event, Unknown, published
from gridcare.events.topics import NOTICE_BATCHES, NOTICES, Topic

Channel = Literal["push", "sms"]
Lane = Literal["urgent", "transactional", "bulk"]


class NoticeEvent(Event, frozen=True, kw_only=True):
    """A notice's public state."""

    topic: ClassVar[Topic] = NOTICES
    key_field: ClassVar[str] = "notice_id"

    notice_id: UUID
    kind: str
    outage_id: UUID | None
    revision: int | None
    due_at: datetime


@published
class NoticeScheduled(NoticeEvent, frozen=True, kw_only=True):
    """A notice will be planned at `due_at`."""


@published
class NoticeCompleted(NoticeEvent, frozen=True, kw_only=True):
    """None of the notice's deliveries is open; `audience` is the sum of `states`.

    `channels` counts the settled deliveries by the channel that settled them.
    """

    audience: int
    states: dict[str, int]
    channels: dict[str, int]


@published
class BatchPlanned(Event, frozen=True, kw_only=True):
    """A batch waits in the ledger. This is only a hint to look there; `version` numbers the hints of a batch."""

    topic: ClassVar[Topic] = NOTICE_BATCHES["push", "bulk"]
    key_field: ClassVar[str] = "batch_id"

    batch_id: UUID
    channel: Channel | Unknown
    lane: Lane | Unknown

    def destination(self) -> Topic:
        return NOTICE_BATCHES[self.channel, self.lane]
