"""Outages: planners write, preview and publish them; every change is a kept revision."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Response

from gridcare.http.auth import Caller, require
from gridcare.http.body import EARLIEST, LATEST
from gridcare.http.idempotency import idempotent, respond
from gridcare.http.pages import LIMIT_DEFAULT, Cursor, Limit, Page, decode_cursor, encode_cursor
from gridcare.postgres.idempotency import Answer, IdempotentRequest
from outage_notifier.dependencies import Wired
from outage_notifier.outages.core.outage import Status
from outage_notifier.outages.flow.cancel_outage import cancel_outage
from outage_notifier.outages.flow.create_outage import create_outage
from outage_notifier.outages.flow.edit_outage import edit_outage
from outage_notifier.outages.flow.outage_desk import Asked, Done, Write
from outage_notifier.outages.flow.preview_outage import preview_outage
from outage_notifier.outages.flow.publish_outage import publish_outage
from outage_notifier.outages.flow.read_outages import list_outages, list_revisions, read_outage
from outage_notifier.outages.flow.restore_outage import restore_outage
from outage_notifier.outages.flow.revise_outage import revise_outage
from outage_notifier.outages.http_answers import (
    ChangedOut,
    OutageOut,
    PreviewOut,
    RevisionOut,
    outage_out,
    reach_out,
    revision_out,
    statutory_out,
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

router = APIRouter(prefix="/v1/outages", tags=["outages"], max_body_size=OUTAGE_SIZE_MAX_BYTES)

Planner = Annotated[Caller, Depends(require("planner"))]
Staff = Annotated[Caller, Depends(require("planner", "dispatcher", "team", "ops"))]
Restorer = Annotated[Caller, Depends(require("planner", "dispatcher"))]
Once = Annotated[IdempotentRequest, Depends(idempotent)]

Microseconds = Annotated[int, msgspec.Meta(ge=0, le=int(LATEST.timestamp()) * 1_000_000)]
"""Since 1970: a cursor's time, in bounds that every clock here knows."""
Number = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
END_OF_TIME = (LATEST, UUID(int=2**128 - 1))
MICROSECOND = timedelta(microseconds=1)


@router.post("", status_code=201, response_model=OutageOut)
async def post_outage(_: Planner, body: OutageIn, once: Once, services: Wired) -> Response:
    """Create an outage as a draft: nobody hears of it yet."""
    asked = Asked(once, body.reason)
    return respond(await create_outage(services.desk, body.kind, body.document(), asked, answer=_outage(201)))


@router.get("")
async def get_outages(
    _: Staff, services: Wired, status: Status | None = None, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> Page[OutageOut]:
    """List outages, the newest change first."""
    position = decode_cursor(cursor, tuple[Microseconds, UUID])
    before = (EARLIEST + position[0] * MICROSECOND, position[1]) if position else END_OF_TIME
    found, following = await list_outages(services.db, status=status, before=before, limit=limit)
    behind = ((following[0] - EARLIEST) // MICROSECOND, following[1]) if following else None
    return Page(items=[outage_out(each) for each in found], next=encode_cursor(behind) if behind else None)


@router.get("/{outage_id}")
async def get_outage(_: Staff, outage_id: UUID, services: Wired) -> OutageOut:
    """Read an outage as of its newest revision."""
    return outage_out(await read_outage(services.db, outage_id))


@router.get("/{outage_id}/revisions")
async def get_revisions(
    _: Staff, outage_id: UUID, services: Wired, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> Page[RevisionOut]:
    """List every state that the outage was in, the oldest first, and who put it there."""
    (after,) = decode_cursor(cursor, tuple[Number]) or (0,)
    found, following = await list_revisions(services.db, outage_id, after=after, limit=limit)
    return Page(items=[revision_out(each) for each in found], next=encode_cursor((following,)) if following else None)


@router.put("/{outage_id}", response_model=OutageOut)
async def put_outage(_: Planner, outage_id: UUID, body: EditIn, once: Once, services: Wired) -> Response:
    """Replace what a draft says."""
    asked = Asked(once, body.reason, body.revision)
    return respond(await edit_outage(services.desk, outage_id, body.document(), asked, answer=_outage(200)))


@router.post("/{outage_id}/preview")
async def post_preview(_: Planner, outage_id: UUID, body: PreviewIn, services: Wired) -> PreviewOut:
    """Say whom publishing (or revising, with a document) would tell, by channel and language, and for how much."""
    proposed = body.document.document() if body.document else None
    preview = await preview_outage(services.desk, outage_id, proposed)
    return PreviewOut(
        notices=[reach_out(each) for each in preview.reach], statutory_notice=statutory_out(preview.notice)
    )


@router.post("/{outage_id}/publish", status_code=202, response_model=ChangedOut)
async def post_publish(_: Planner, outage_id: UUID, body: PublishIn, once: Once, services: Wired) -> Response:
    """Publish a draft: customers are told from now on."""
    asked = Asked(once, body.reason, body.revision)
    return respond(await publish_outage(services.desk, outage_id, asked, late_reason=body.late_reason, answer=_changed))


@router.post("/{outage_id}/revise", status_code=202, response_model=ChangedOut)
async def post_revise(_: Planner, outage_id: UUID, body: ReviseIn, once: Once, services: Wired) -> Response:
    """Replace what a published outage says; what is unsent is stopped, and who was told hears the change."""
    asked = Asked(once, body.reason, body.revision)
    document = body.document(body.late_reason)
    return respond(await revise_outage(services.desk, outage_id, document, asked, answer=_changed))


@router.post("/{outage_id}/cancel", status_code=202, response_model=ChangedOut)
async def post_cancel(_: Planner, outage_id: UUID, body: EndIn, once: Once, services: Wired) -> Response:
    """Call an outage off: only those who were told are told."""
    asked = Asked(once, body.reason, body.revision)
    return respond(await cancel_outage(services.desk, outage_id, asked, answer=_changed))


@router.post("/{outage_id}/restore", status_code=202, response_model=ChangedOut)
async def post_restore(_: Restorer, outage_id: UUID, body: RestoreIn, once: Once, services: Wired) -> Response:
    """Note that the power is back."""
    asked = Asked(once, body.reason, body.revision)
    return respond(await restore_outage(services.desk, outage_id, asked, answer=_changed))


def _outage(status: int) -> Write:
    return lambda done: Answer(status, outage_out(done.outage).model_dump_json().encode())


def _changed(done: Done) -> Answer:
    changed = ChangedOut(
        outage=outage_out(done.outage),
        notice_ids=done.notice_ids,
        preview=[reach_out(each) for each in done.reach],
    )
    return Answer(202, changed.model_dump_json().encode())
