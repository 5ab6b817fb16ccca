"""What the outage routes return, as JSON. A function writes out what differs from the value's own name or shape."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import Field

from gridcare.events.outages import OutageKind
from gridcare.http.body import Body
from outage_notifier.outages.core.outage import Action, OutageState
from outage_notifier.outages.core.rules import NoticeGiven
from outage_notifier.outages.flow.changes import Published
from outage_notifier.outages.flow.preview_outage import Preview
from outage_notifier.planning.core.reach import Forecast, NoticeReach
from outage_notifier.texts.segments import Encoding
from outage_notifier.texts.template import Kind


class WindowOut(Body):
    """When it starts and when it is expected to end."""

    start: datetime
    end: datetime


class ScopeOut(Body):
    """What is cut."""

    feeder_ids: list[str]
    transformer_ids: list[str]
    ward_codes: list[str]
    supply_point_ids: list[str]


class DocumentOut(Body):
    """What a revision says; in languages that only another release writes, too."""

    cause: str
    place: str
    windows: list[WindowOut]
    scope: ScopeOut
    cause_by_language: dict[str, str]
    place_by_language: dict[str, str]
    late_reason: str


class OutageOut(Body):
    """An outage as of its newest revision."""

    outage_id: UUID
    kind: OutageKind
    state: OutageState
    revision: int
    document: DocumentOut
    created_by: str
    created_at: datetime
    updated_at: datetime


class RevisionOut(Body):
    """One kept state of an outage."""

    revision: int
    action: Action
    document: DocumentOut
    reason: str
    made_by: str
    made_at: datetime


class LanguageReachOut(Body):
    """The recipients of one language by how they are reached, and the SMS that they get.

    `language` is as customers have it, which may be one that only another release writes.
    """

    language: str
    recipients: dict[Forecast, int]
    sms_body: str
    sms_encoding: Encoding
    sms_segments: int


class NoticeReachOut(Body):
    """Whom one notice reaches. `fallback_*_max` is the most that SMS after unanswered pushes can add."""

    kind: Kind
    audience: int
    recipients: dict[Forecast, int]
    languages: list[LanguageReachOut]
    sms_segments: int
    sms_price_vnd: Annotated[int, Field(description="Of one segment; an example until ops sets the contract's.")]
    sms_cost_vnd: int
    fallback_segments_max: int
    fallback_cost_vnd_max: int


class StatutoryNoticeOut(Body):
    """How much notice customers get, and how much the law demands."""

    given_hours: float
    wanted_hours: float
    legal_basis: str
    late: bool


class PreviewOut(Body):
    """What publishing would do now. Nothing was written."""

    notices: list[NoticeReachOut]
    statutory_notice: StatutoryNoticeOut


class ChangedOut(Body):
    """The outage after a change, the notices that were scheduled, and whom they reach."""

    outage: OutageOut
    notice_ids: list[UUID]
    preview: list[NoticeReachOut]


def preview_out(preview: Preview) -> PreviewOut:
    """Return what publishing would do."""
    return PreviewOut(
        notices=[_reach_out(each) for each in preview.reach], statutory_notice=_statutory_out(preview.notice)
    )


def changed_out(published: Published) -> ChangedOut:
    """Return an outage after a change that customers hear of."""
    return ChangedOut.of(published, preview=[_reach_out(each) for each in published.reach])


def _reach_out(reach: NoticeReach) -> NoticeReachOut:
    fallback_segments_max = reach.fallback_segments_max if reach.has_fallback else 0
    return NoticeReachOut.of(
        reach,
        sms_segments=reach.segments,
        sms_price_vnd=reach.price_vnd,
        sms_cost_vnd=reach.cost_vnd,
        fallback_segments_max=fallback_segments_max,
        fallback_cost_vnd_max=fallback_segments_max * reach.price_vnd,
    )


def _statutory_out(notice: NoticeGiven) -> StatutoryNoticeOut:
    hour = timedelta(hours=1)
    return StatutoryNoticeOut.of(
        notice,
        given_hours=round(notice.given / hour, 2),
        wanted_hours=round(notice.wanted / hour, 2),
        legal_basis=notice.basis,
    )
