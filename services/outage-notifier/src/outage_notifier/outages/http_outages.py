"""Outages: planners write, preview and publish them; every change is kept as a revision."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import Depends

from gridcare.http.auth import Caller, require
from gridcare.http.body import EARLIEST, LATEST
from gridcare.http.documents.refusals import refuses
from gridcare.http.guard import Router
from gridcare.http.idempotency import IdempotencyKey
from gridcare.http.pages import LIMIT_DEFAULT, Cursor, Limit, Page, decode_cursor, filter_by, page_of
from gridcare.http.rooms import room_of
from gridcare.postgres.idempotency import once
from outage_notifier.outages.core.outage import OutageState
from outage_notifier.outages.flow.changes import (
    CancelOutage,
    CreateOutage,
    EditOutage,
    PublishOutage,
    RestoreOutage,
    ReviseOutage,
    cancel_outage,
    create_outage,
    edit_outage,
    publish_outage,
    restore_outage,
    revise_outage,
)
from outage_notifier.outages.flow.preview_outage import PreviewOutage, preview_outage
from outage_notifier.outages.flow.read_outages import list_outages, list_revisions, read_outage
from outage_notifier.outages.http_answers import (
    ChangedOut,
    OutageOut,
    PreviewOut,
    RevisionOut,
    changed_out,
    preview_out,
)
from outage_notifier.outages.http_bodies import (
    OUTAGE_SIZE_MAX_BYTES,
    EditIn,
    EndIn,
    OutageIn,
    PreviewIn,
    PublishIn,
    RestoreIn,
    ReviseIn,
)
from outage_notifier.outages.http_refusals import (
    ALREADY_PUBLISHED,
    CHANGED_MEANWHILE,
    DOCUMENT,
    IS_OVER,
    NOT_PUBLISHED,
    NOT_STARTED,
    OUTAGE_NOT_FOUND,
    OVER,
    PUBLICATION,
    UNCHANGED,
)
from outage_notifier.outages.room import Outages

router = Router(prefix="/v1/outages", tags=["outages"], max_body_size=OUTAGE_SIZE_MAX_BYTES)

Room = Annotated[Outages, Depends(room_of(Outages))]
Planner = Annotated[Caller, Depends(require("planner"))]
Staff = Annotated[Caller, Depends(require("planner", "dispatcher", "team", "ops"))]
Restorer = Annotated[Caller, Depends(require("planner", "dispatcher"))]

Microseconds = Annotated[int, msgspec.Meta(ge=0, le=int(LATEST.timestamp()) * 1_000_000)]
"""Since 1970: a cursor's time, within the bounds of Body's times."""
Number = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
END_OF_TIME = (LATEST, UUID(int=2**128 - 1))
MICROSECOND = timedelta(microseconds=1)


@router.post("", name="create_outage", status_code=201)
@refuses(*DOCUMENT)
async def post_outage(who: Planner, body: OutageIn, key: IdempotencyKey, room: Room) -> OutageOut:
    """Create an outage as a draft: nobody hears of it yet."""
    command = CreateOutage(kind=body.kind, document=body.document(), by=who.sub, reason=body.reason)
    return OutageOut.of(await once(key, create_outage, command, room=room))


@router.get("", name="list_outages")
async def get_outages(
    _: Staff,
    room: Room,
    states: Annotated[list[OutageState] | None, filter_by("state")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Page[OutageOut]:
    """List outages, the newest change first."""
    position = decode_cursor(cursor, tuple[Microseconds, UUID])
    before = (EARLIEST + position[0] * MICROSECOND, position[1]) if position else END_OF_TIME
    outages, following = await list_outages(states=states or (), before=before, limit=limit, room=room)
    behind = ((following[0] - EARLIEST) // MICROSECOND, following[1]) if following else None
    return page_of([OutageOut.of(each) for each in outages], behind)


@router.get("/{outage_id}", name="read_outage")
@refuses(OUTAGE_NOT_FOUND)
async def get_outage(_: Staff, outage_id: UUID, room: Room) -> OutageOut:
    """Return an outage as of its newest revision."""
    return OutageOut.of(await read_outage(outage_id, room=room))


@router.get("/{outage_id}/revisions", name="list_revisions")
@refuses(OUTAGE_NOT_FOUND)
async def get_revisions(
    _: Staff, outage_id: UUID, room: Room, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> Page[RevisionOut]:
    """List every state that the outage was in, the oldest first, and who put it into each."""
    (after,) = decode_cursor(cursor, tuple[Number]) or (0,)
    revisions, following = await list_revisions(outage_id, after=after, limit=limit, room=room)
    return page_of([RevisionOut.of(each) for each in revisions], (following,) if following else None)


@router.put("/{outage_id}", name="edit_outage")
@refuses(OUTAGE_NOT_FOUND, CHANGED_MEANWHILE, *OVER, ALREADY_PUBLISHED, *DOCUMENT)
async def put_outage(who: Planner, outage_id: UUID, body: EditIn, key: IdempotencyKey, room: Room) -> OutageOut:
    """Replace what a draft says."""
    command = EditOutage(
        outage_id=outage_id, document=body.document(), by=who.sub, reason=body.reason, revision=body.revision
    )
    return OutageOut.of(await once(key, edit_outage, command, room=room))


@router.post("/{outage_id}/preview", name="preview_outage")
@refuses(OUTAGE_NOT_FOUND, *OVER, ALREADY_PUBLISHED, NOT_PUBLISHED, UNCHANGED, IS_OVER, *DOCUMENT, *PUBLICATION)
async def post_preview(_: Planner, outage_id: UUID, body: PreviewIn, room: Room) -> PreviewOut:
    """Say whom publishing (or revising, with a document) would reach, by channel and language, and at what cost."""
    proposed = body.document.document() if body.document else None
    return preview_out(await preview_outage(PreviewOutage(outage_id=outage_id, proposed=proposed), room=room))


@router.post("/{outage_id}/publish", name="publish_outage", status_code=202)
@refuses(OUTAGE_NOT_FOUND, CHANGED_MEANWHILE, *OVER, ALREADY_PUBLISHED, *DOCUMENT, *PUBLICATION)
async def post_publish(who: Planner, outage_id: UUID, body: PublishIn, key: IdempotencyKey, room: Room) -> ChangedOut:
    """Publish a draft: customers are told from now on."""
    command = PublishOutage(
        outage_id=outage_id, by=who.sub, reason=body.reason, revision=body.revision, late_reason=body.late_reason
    )
    return changed_out(await once(key, publish_outage, command, room=room))


@router.post("/{outage_id}/revise", name="revise_outage", status_code=202)
@refuses(OUTAGE_NOT_FOUND, CHANGED_MEANWHILE, *OVER, NOT_PUBLISHED, UNCHANGED, IS_OVER, *DOCUMENT, *PUBLICATION)
async def post_revise(who: Planner, outage_id: UUID, body: ReviseIn, key: IdempotencyKey, room: Room) -> ChangedOut:
    """Replace what a published outage says. Unsent notices are stopped, and those already told hear of the change."""
    command = ReviseOutage(
        outage_id=outage_id,
        by=who.sub,
        reason=body.reason,
        revision=body.revision,
        document=body.document(),
    )
    return changed_out(await once(key, revise_outage, command, room=room))


@router.post("/{outage_id}/cancel", name="cancel_outage", status_code=202)
@refuses(OUTAGE_NOT_FOUND, CHANGED_MEANWHILE, *OVER, NOT_PUBLISHED, IS_OVER, *PUBLICATION)
async def post_cancel(who: Planner, outage_id: UUID, body: EndIn, key: IdempotencyKey, room: Room) -> ChangedOut:
    """Call an outage off. Only those already told of it hear of this."""
    command = CancelOutage(outage_id=outage_id, by=who.sub, reason=body.reason, revision=body.revision)
    return changed_out(await once(key, cancel_outage, command, room=room))


@router.post("/{outage_id}/restore", name="restore_outage", status_code=202)
@refuses(OUTAGE_NOT_FOUND, CHANGED_MEANWHILE, *OVER, NOT_PUBLISHED, NOT_STARTED, *PUBLICATION)
async def post_restore(who: Restorer, outage_id: UUID, body: RestoreIn, key: IdempotencyKey, room: Room) -> ChangedOut:
    """Note that the power is back."""
    command = RestoreOutage(outage_id=outage_id, by=who.sub, reason=body.reason, revision=body.revision)
    return changed_out(await once(key, restore_outage, command, room=room))
