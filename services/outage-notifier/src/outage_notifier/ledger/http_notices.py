"""Notices, as staff watch them: how far each has got, and what became of each delivery."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import Depends
from pydantic import Field

from gridcare.events.notices import Channel, Lane
from gridcare.http.auth import Caller, require
from gridcare.http.body import Body
from gridcare.http.documents.refusals import Refusal, refuses
from gridcare.http.guard import Router
from gridcare.http.pages import LIMIT_DEFAULT, Cursor, Limit, Page, decode_cursor, filter_by, page_of
from gridcare.http.rooms import room_of
from outage_notifier.ledger.core.delivery import Delivery, DeliveryChannel, State
from outage_notifier.ledger.core.notice import NoticeProgress, NoticeState
from outage_notifier.ledger.flow.read_notices import list_deliveries, list_notices, read_notice
from outage_notifier.ledger.room import Ledger
from outage_notifier.texts.template import ShownKind, shown_kind

router = Router(prefix="/v1", tags=["notices"])

Room = Annotated[Ledger, Depends(room_of(Ledger))]
Staff = Annotated[Caller, Depends(require("planner", "dispatcher", "ops"))]
RecipientId = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,64}$")]


OUTAGE_NOT_FOUND = Refusal(404, "outage-not-found", "There is no such outage.")
NOTICE_NOT_FOUND = Refusal(404, "notice-not-found", "There is no such notice.")


class NoticeOut(Body):
    """A notice and its counts: `audience` is the sum of `states`; `completed` means that none of them is open."""

    notice_id: UUID
    outage_id: UUID | None
    revision: int | None
    kind: ShownKind
    lane: Lane
    state: NoticeState
    due_at: datetime
    useful_until: datetime
    superseded_at: datetime | None
    planned_at: datetime | None
    completed_at: datetime | None
    audience: int
    states: dict[State, int]
    channels: dict[Channel, int]
    parked_at: Annotated[datetime | None, Field(description="Since when its planning is parked, after five failures.")]
    parked_batches: Annotated[int, Field(description="Batches whose sending is parked; their recipients stay planned.")]


class DeliveryOut(Body):
    """A delivery; its contact is masked. `next_attempt_at` is when something is tried again, while it is open."""

    delivery_id: str
    recipient_id: str
    state: State
    reason: str
    channel: DeliveryChannel
    contact: str
    language: str
    covered_by: str | None
    tries: int
    next_attempt_at: datetime | None
    recorded_at: datetime


@router.get("/outages/{outage_id}/notices", name="list_notices")
@refuses(OUTAGE_NOT_FOUND)
async def get_outage_notices(
    _: Staff,
    outage_id: UUID,
    room: Room,
    states: Annotated[list[NoticeState] | None, filter_by("state")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Page[NoticeOut]:
    """List the notices of an outage, the oldest first."""
    (after,) = decode_cursor(cursor, tuple[UUID]) or (None,)
    rows, following = await list_notices(outage_id, states=states or (), after=after, limit=limit, room=room)
    return page_of([_notice_out(row) for row in rows], (following,) if following else None)


@router.get("/notices/{notice_id}", name="read_notice")
@refuses(NOTICE_NOT_FOUND)
async def get_notice(_: Staff, notice_id: UUID, room: Room) -> NoticeOut:
    """Read how far a notice has got."""
    return _notice_out(await read_notice(notice_id, room=room))


@router.get("/notices/{notice_id}/deliveries", name="list_deliveries")
@refuses(NOTICE_NOT_FOUND)
async def get_deliveries(
    _: Staff,
    notice_id: UUID,
    room: Room,
    states: Annotated[list[State] | None, filter_by("state")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Page[DeliveryOut]:
    """List what became of a notice's deliveries, by recipient; those still planned have no row yet."""
    (after,) = decode_cursor(cursor, tuple[RecipientId]) or ("",)
    rows, following = await list_deliveries(notice_id, states=states or (), after=after, limit=limit, room=room)
    return page_of([_delivery_out(row) for row in rows], (following,) if following else None)


def _notice_out(progress: NoticeProgress) -> NoticeOut:
    return NoticeOut.of(progress, kind=shown_kind(progress.kind))


def _delivery_out(row: Delivery) -> DeliveryOut:
    return DeliveryOut.of(row, delivery_id=str(row.delivery_id))
