"""What the outage routes give, as JSON."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import Field

from gridcare.http.body import Body
from outage_notifier.outages.core.outage import Action, Kind, Outage, OutageDocument, Revision, Status
from outage_notifier.outages.core.rules import NoticeGiven
from outage_notifier.outages.flow.changes import Published
from outage_notifier.planning.core.reach import NoticeReach


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
    """What a revision says."""

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
    kind: Kind
    status: Status
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
    """The recipients of one language by outcome, and the SMS that they get."""

    language: str
    recipients: dict[str, int]
    sms_body: str
    sms_encoding: str
    sms_segments: int


class NoticeReachOut(Body):
    """Whom one notice reaches. `fallback_*_max`: paid at most, where pushes stay without an answer."""

    kind: str
    audience: int
    recipients: dict[str, int]
    languages: list[LanguageReachOut]
    sms_segments: int
    sms_price_vnd: Annotated[int, Field(description="Of one segment; an example until ops sets the contract's.")]
    sms_cost_vnd: int
    fallback_segments_max: int
    fallback_cost_vnd_max: int


class StatutoryNoticeOut(Body):
    """How much notice customers get, and how much the law wants."""

    given_hours: float
    wanted_hours: float
    legal_basis: str
    late: bool


class PreviewOut(Body):
    """What publishing would come to now; nothing was written."""

    notices: list[NoticeReachOut]
    statutory_notice: StatutoryNoticeOut


class ChangedOut(Body):
    """The outage after a change, the notices that were scheduled, and whom they reach."""

    outage: OutageOut
    notice_ids: list[UUID]
    preview: list[NoticeReachOut]


def outage_out(outage: Outage) -> OutageOut:
    """Write an outage."""
    return OutageOut(
        outage_id=outage.outage_id,
        kind=outage.kind,
        status=outage.status,
        revision=outage.revision,
        document=document_out(outage.document),
        created_by=outage.created_by,
        created_at=outage.created_at,
        updated_at=outage.updated_at,
    )


def changed_out(published: Published) -> ChangedOut:
    """Write an outage after a change that customers hear of."""
    return ChangedOut(
        outage=outage_out(published.outage),
        notice_ids=published.notice_ids,
        preview=[reach_out(each) for each in published.reach],
    )


def document_out(document: OutageDocument) -> DocumentOut:
    """Write what a revision says."""
    scope = document.scope
    return DocumentOut(
        cause=document.cause,
        place=document.place,
        windows=[WindowOut(start=window.start, end=window.end) for window in document.windows],
        scope=ScopeOut(
            feeder_ids=list(scope.feeder_ids),
            transformer_ids=list(scope.transformer_ids),
            ward_codes=list(scope.ward_codes),
            supply_point_ids=list(scope.supply_point_ids),
        ),
        cause_by_language=document.cause_by_language,
        place_by_language=document.place_by_language,
        late_reason=document.late_reason,
    )


def revision_out(revision: Revision) -> RevisionOut:
    """Write a revision."""
    return RevisionOut(
        revision=revision.revision,
        action=revision.action,
        document=document_out(revision.document),
        reason=revision.reason,
        made_by=revision.made_by,
        made_at=revision.made_at,
    )


def reach_out(reach: NoticeReach) -> NoticeReachOut:
    """Write whom a notice reaches."""
    fallback = reach.fallback_segments_max if reach.has_fallback else 0
    return NoticeReachOut(
        kind=reach.kind,
        audience=reach.audience,
        recipients=dict(reach.recipients),
        languages=[
            LanguageReachOut(
                language=each.language,
                recipients=dict(each.recipients),
                sms_body=each.sms_body,
                sms_encoding=each.sms_encoding,
                sms_segments=each.sms_segments,
            )
            for each in reach.languages
        ],
        sms_segments=reach.segments,
        sms_price_vnd=reach.price_vnd,
        sms_cost_vnd=reach.cost_vnd,
        fallback_segments_max=fallback,
        fallback_cost_vnd_max=fallback * reach.price_vnd,
    )


def statutory_out(given: NoticeGiven) -> StatutoryNoticeOut:
    """Write how much notice customers get."""
    hour = timedelta(hours=1)
    return StatutoryNoticeOut(
        given_hours=round(given.given / hour, 2),
        wanted_hours=round(given.wanted / hour, 2),
        legal_basis=given.basis,
        late=given.late,
    )
