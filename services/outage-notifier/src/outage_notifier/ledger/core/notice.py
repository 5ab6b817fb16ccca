"""A notice: one message intent about something that happened, to an audience, of a kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Content:
    """What a sender needs of a notice to render it and to know whether to send it still."""

    notice_id: UUID
    outage_id: UUID | None
    revision: int | None
    kind: str
    template: str
    template_version: int
    slots: dict[str, Any]
    tag: str
    useful_until: datetime
    superseded: bool


@dataclass(frozen=True, slots=True)
class NoticeProgress:
    """A notice and its counts. `states` has every state that somebody is in; `channels` counts recipients by channel."""

    notice_id: UUID
    outage_id: UUID | None
    revision: int | None
    kind: str
    lane: str
    state: str
    due_at: datetime
    useful_until: datetime
    superseded_at: datetime | None
    planned_at: datetime | None
    completed_at: datetime | None
    audience: int
    states: Mapping[str, int]
    channels: Mapping[str, int]
