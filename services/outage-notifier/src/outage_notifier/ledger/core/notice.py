"""A notice: the intent to say one thing about something that happened, to an audience."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from gridcare.events.notices import Channel, Lane, NoticeScheduled
from outage_notifier.ledger.core.delivery import State
from outage_notifier.texts.template import TEMPLATES, Kind

AudienceRule = Literal["scope", "scope_untold", "told", "told_in_scope", "told_outside_scope", "one"]
"""Who a notice is for: everyone in the scope (or those of them not told yet), those told of an earlier revision (all of
them, or those who are in the scope still, or no longer), or one recipient."""

NoticeState = Literal["scheduled", "planned", "completed", "superseded"]

SCHEDULED_VERSION: Final = 1
"""Its first event; each completion is one more."""

NOTICES_MADE: Final = "notices_made"
"""The channel on which planners and workers are woken when there are new notices."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A notice that something asks for; its kind is its template's name. `slots` are what texts/rendering.py fills in."""

    kind: Kind
    audience_rule: AudienceRule
    due_at: datetime
    useful_until: datetime
    slots: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotice:
    """A notice to be scheduled. `tag` names what it replaces on a screen.

    A notice about an outage has its id and revision; one to a single recipient has that recipient and the event that
    caused it.
    """

    notice_id: UUID
    intent: Intent
    tag: str
    outage_id: UUID | None = None
    revision: int | None = None
    recipient_id: str | None = None
    cause_event_id: UUID | None = None

    @property
    def lane(self) -> Lane:
        return TEMPLATES[self.intent.kind].lane

    @property
    def template_version(self) -> int:
        return TEMPLATES[self.intent.kind].version

    @property
    def scheduled(self) -> NoticeScheduled:
        """The event that says that it was scheduled."""
        return NoticeScheduled(
            version=SCHEDULED_VERSION,
            notice_id=self.notice_id,
            kind=self.intent.kind,
            outage_id=self.outage_id,
            revision=self.revision,
            due_at=self.intent.due_at,
        )


@dataclass(frozen=True, slots=True)
class ClaimedNotice:
    """A notice about an outage that a planner claimed under `claim_number`, planned as far as `cursor`."""

    notice_id: UUID
    outage_id: UUID
    revision: int
    kind: Kind
    lane: Lane
    audience_rule: AudienceRule
    claim_number: int
    cursor: str


@dataclass(frozen=True, slots=True)
class SingleNotice:
    """A due notice to one recipient."""

    notice_id: UUID
    kind: Kind
    recipient_id: str


@dataclass(frozen=True, slots=True)
class Content:
    """What a sender needs of a notice to render it and to know whether it is still to be sent."""

    notice_id: UUID
    outage_id: UUID | None
    revision: int | None
    kind: Kind
    template: Kind
    template_version: int
    slots: dict[str, Any]
    tag: str
    useful_until: datetime
    superseded: bool


@dataclass(frozen=True, slots=True)
class NoticeProgress:
    """A notice and its counts: `audience` is the sum of `states`; `completed` means that none of them is open.

    `states` has every state that a recipient is in; `channels` counts recipients by channel. `kind` may be one that only
    another release knows.
    """

    notice_id: UUID
    outage_id: UUID | None
    revision: int | None
    kind: str
    lane: Lane
    state: NoticeState
    due_at: datetime
    useful_until: datetime
    superseded_at: datetime | None
    planned_at: datetime | None
    completed_at: datetime | None
    audience: int
    completions: int
    states: Mapping[State, int]
    channels: Mapping[Channel, int]
    parked_at: datetime | None
    """Since when its planning is parked."""
    parked_batches: int
    """Batches whose sending is parked: their members stay planned."""
