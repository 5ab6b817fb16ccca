"""What planners do to an outage: create, edit, publish, revise, cancel, restore.

Each locks the outage, decides, saves the revision, schedules what customers are told of it, and appends what other
services are told, all in one transaction.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from gridcare.errors import Conflict, NotFound
from gridcare.events.outages import OutageKind
from gridcare.observability.logging import get_logger
from gridcare.postgres import outbox
from gridcare.postgres.database import Connection
from gridcare.values.ids import uuid7
from outage_notifier import NAME
from outage_notifier.ledger.core.notice import Intent
from outage_notifier.ledger.store import notice
from outage_notifier.outages.core import outage as decide
from outage_notifier.outages.core.notices import events_of, scheduled_notices
from outage_notifier.outages.core.outage import Change, Outage, OutageDocument
from outage_notifier.outages.flow.known_scope import refuse_unknown
from outage_notifier.outages.flow.notices import fitting_notices, reach_of
from outage_notifier.outages.room import Outages
from outage_notifier.outages.store import outage
from outage_notifier.planning.core.reach import NoticeReach

logger = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOutage:
    """Create a draft; `by` is the subject of the planner's token."""

    kind: OutageKind
    document: OutageDocument
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOutage:
    """What every change names: the outage, who changes it and why. `revision` is the one that they saw, if they say so."""

    outage_id: UUID
    by: str
    reason: str = ""
    revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EditOutage(ChangeOutage):
    """Replace what a draft says."""

    document: OutageDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishOutage(ChangeOutage):
    """Publish a draft; `late_reason` says why customers get less notice than the law demands, if they do."""

    late_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviseOutage(ChangeOutage):
    """Replace what a published outage says."""

    document: OutageDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOutage(ChangeOutage):
    """Call a published outage off, or drop a draft."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOutage(ChangeOutage):
    """Note that the power is back."""


@dataclass(frozen=True, slots=True)
class Published:
    """An outage after a change that customers hear of: its new notices, and whom they reach."""

    outage: Outage
    notice_ids: list[UUID]
    reach: list[NoticeReach] = field(default_factory=list)


async def create_outage(command: CreateOutage, *, room: Outages) -> Outage:
    """Create a draft: nobody hears of it yet. Raises what deciding to create raises, and Unprocessable `unknown-scope`."""
    now = room.clock.now()
    async with room.db.transaction() as tx:
        change = decide.create(uuid7(now), command.kind, command.document, by=command.by, rules=room.rules, now=now)
        await refuse_unknown(tx, change.after.document.scope)
        await outage.save(tx, change, by=command.by, reason=command.reason)
    _log(change, [], room)
    return change.after


async def edit_outage(command: EditOutage, *, room: Outages) -> Outage:
    """Replace what a draft says. Raises NotFound, Conflict, and what deciding to edit raises."""
    now = room.clock.now()
    async with room.db.transaction() as tx:
        before = await _lock(tx, command)
        change = decide.edit(before, command.document, rules=room.rules, now=now)
        if change.after.document.scope != before.document.scope:
            await refuse_unknown(tx, change.after.document.scope)
        await outage.save(tx, change, by=command.by, reason=command.reason)
    _log(change, [], room)
    return change.after


async def publish_outage(command: PublishOutage, *, room: Outages) -> Published:
    """Publish a draft: customers hear of it from now on. Raises NotFound, Conflict, and what deciding to publish raises."""
    now = room.clock.now()
    async with room.db.transaction() as tx:
        draft = await _lock(tx, command)
        change = decide.publish(draft, late_reason=command.late_reason, rules=room.rules, now=now)
        await refuse_unknown(tx, change.after.document.scope)
        return await _tell(tx, change, command, room)


async def revise_outage(command: ReviseOutage, *, room: Outages) -> Published:
    """Revise a published outage: the change goes to those already told, an announcement to the others it affects.

    Unsent notices of older revisions are stopped. Raises NotFound, Conflict, and what deciding to revise raises.
    """
    now = room.clock.now()
    async with room.db.transaction() as tx:
        before = await _lock(tx, command)
        change = decide.revise(before, command.document, rules=room.rules, now=now)
        if change.after.document.scope != before.document.scope:
            await refuse_unknown(tx, change.after.document.scope)
        return await _tell(tx, change, command, room)


async def cancel_outage(command: CancelOutage, *, room: Outages) -> Published:
    """Call an outage off, or drop a draft. Only those already told of it hear of this. Raises NotFound, Conflict."""
    now = room.clock.now()
    async with room.db.transaction() as tx:
        change = decide.cancel(await _lock(tx, command), now=now)
        return await _tell(tx, change, command, room)


async def restore_outage(command: RestoreOutage, *, room: Outages) -> Published:
    """Note that the power is back. Those already told of the outage hear of this. Raises NotFound, Conflict."""
    now = room.clock.now()
    async with room.db.transaction() as tx:
        change = decide.restore(await _lock(tx, command), now=now)
        return await _tell(tx, change, command, room)


async def _lock(tx: Connection, command: ChangeOutage) -> Outage:
    """Lock the outage. Raises NotFound `outage-not-found`, Conflict `outage-changed-meanwhile`."""
    held = await outage.lock(tx, command.outage_id)
    if held is None:
        raise NotFound("outage-not-found", "there is no such outage")
    if command.revision is not None and command.revision != held.revision:
        raise Conflict(
            "outage-changed-meanwhile", "somebody changed it since you read it", newest_revision=held.revision
        )
    return held


async def _tell(tx: Connection, change: Change, command: ChangeOutage, room: Outages) -> Published:
    """Save a change that customers hear of, schedule its notices, and append what other services are told."""
    now = change.after.updated_at
    intents = fitting_notices(change, room=room, now=now)
    reach = await reach_of(tx, change, intents, room=room)
    await outage.save(tx, change, by=command.by, reason=command.reason)
    notice_ids = await _schedule(tx, change, intents, now)
    await outbox.append(tx, events_of(change), source=NAME, now=now)
    _log(change, intents, room)
    return Published(change.after, notice_ids, reach)


async def _schedule(tx: Connection, change: Change, intents: list[Intent], now: datetime) -> list[UUID]:
    """Stop the unsent notices of older revisions, and schedule the new ones."""
    after = change.after
    if change.published:
        await notice.supersede(tx, after.outage_id, before_revision=after.revision, now=now)
    notices = scheduled_notices(after, intents, [uuid7(now) for _ in intents])
    await notice.schedule(tx, notices, now=now)
    await notice.wake_planners(tx)
    await outbox.append(tx, [each.scheduled for each in notices], source=NAME, now=now)
    return [each.notice_id for each in notices]


def _log(change: Change, intents: list[Intent], room: Outages) -> None:
    room.db.on_commit(
        lambda: logger.info(
            "outage_changed",
            outage_id=str(change.after.outage_id),
            revision=change.after.revision,
            action=change.action,
            notices=len(intents),
        )
    )
