"""What planners do to an outage: create, edit, publish, revise, cancel, restore.

Each locks the outage, decides, saves the revision, schedules what customers are told of it, and appends what other
services are told, all in one transaction.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from gridcare.errors import Conflict, NotFound
from gridcare.observability.logging import get_logger
from gridcare.postgres import outbox
from gridcare.postgres.database import Connection
from gridcare.values.ids import uuid7
from outage_notifier import NAME
from outage_notifier.ledger.core.notice import Intent
from outage_notifier.ledger.store import notice
from outage_notifier.outages.core import outage as rules
from outage_notifier.outages.core.notices import events_of, notices_of, scheduled_notices
from outage_notifier.outages.core.outage import Change, Kind, Outage, OutageDocument
from outage_notifier.outages.flow.checks import refuse_unfit, refuse_unknown
from outage_notifier.outages.room import Outages
from outage_notifier.outages.store import outage
from outage_notifier.planning.core.reach import NoticeReach
from outage_notifier.planning.flow.count_reach import count_reach

logger = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOutage:
    """Write a draft; `by` is the subject of the planner's token."""

    kind: Kind
    document: OutageDocument
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOutage:
    """What every change names: the outage, who changes it and why; `revision` is the one that they saw, if they say so."""

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
    """Publish a draft; `late_reason` says why customers get less notice than the law wants, if they do."""

    late_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviseOutage(ChangeOutage):
    """Replace what a published outage says."""

    document: OutageDocument


@dataclass(frozen=True, slots=True)
class Published:
    """An outage after customers hear of a change of it: its new notices, and whom those reach, where that is counted."""

    outage: Outage
    notice_ids: list[UUID]
    reach: list[NoticeReach] = field(default_factory=list)


async def create_outage(command: CreateOutage, *, room: Outages) -> Outage:
    """Create a draft: nobody hears of it yet. Raises Unprocessable for windows or a scope that cannot be."""
    now = room.clock.now()
    async with room.db.transaction() as tx:
        change = rules.create(uuid7(now), command.kind, command.document, by=command.by, rules=room.rules, now=now)
        await refuse_unknown(tx, change.after.document.scope)
        await outage.save(tx, change, by=command.by, reason=command.reason)
    _log(change, [])
    return change.after


async def edit_outage(command: EditOutage, *, room: Outages) -> Outage:
    """Replace what a draft says. Raises NotFound, Conflict, and what the rules' `edit` raises."""
    now = room.clock.now()
    async with room.db.transaction() as tx:
        before = await _lock(tx, command)
        change = rules.edit(before, command.document, rules=room.rules, now=now)
        if change.after.document.scope != before.document.scope:
            await refuse_unknown(tx, change.after.document.scope)
        await outage.save(tx, change, by=command.by, reason=command.reason)
    _log(change, [])
    return change.after


async def publish_outage(command: PublishOutage, *, room: Outages) -> Published:
    """Publish a draft: customers hear of it from now on. Raises NotFound, Conflict, and what the rules' `publish` raises."""
    now = room.clock.now()
    async with room.db.transaction() as tx:
        draft = await _lock(tx, command)
        change = rules.publish(draft, late_reason=command.late_reason, rules=room.rules, now=now)
        await refuse_unknown(tx, change.after.document.scope)
        intents = _fitting_notices(change, room, now)
        reach = await _reach(tx, change, intents, room)
        await outage.save(tx, change, by=command.by, reason=command.reason)
        notice_ids = await _schedule(tx, change, intents, now)
        await outbox.append(tx, events_of(change), source=NAME, now=now)
    _log(change, intents)
    return Published(change.after, notice_ids, reach)


async def revise_outage(command: ReviseOutage, *, room: Outages) -> Published:
    """Revise a published outage: who was told hears the change, who was not gets an announcement.

    What is unsent of older revisions is stopped. Raises NotFound, Conflict, and what the rules' `revise` raises.
    """
    now = room.clock.now()
    async with room.db.transaction() as tx:
        before = await _lock(tx, command)
        change = rules.revise(before, command.document, rules=room.rules, now=now)
        if change.after.document.scope != before.document.scope:
            await refuse_unknown(tx, change.after.document.scope)
        intents = _fitting_notices(change, room, now)
        reach = await _reach(tx, change, intents, room)
        await outage.save(tx, change, by=command.by, reason=command.reason)
        notice_ids = await _schedule(tx, change, intents, now)
        await outbox.append(tx, events_of(change), source=NAME, now=now)
    _log(change, intents)
    return Published(change.after, notice_ids, reach)


async def cancel_outage(command: ChangeOutage, *, room: Outages) -> Published:
    """Call an outage off, or drop a draft: only those who were told are told. Raises NotFound, Conflict."""
    now = room.clock.now()
    async with room.db.transaction() as tx:
        change = rules.cancel(await _lock(tx, command), now=now)
        intents = _fitting_notices(change, room, now)
        await outage.save(tx, change, by=command.by, reason=command.reason)
        notice_ids = await _schedule(tx, change, intents, now)
        await outbox.append(tx, events_of(change), source=NAME, now=now)
    _log(change, intents)
    return Published(change.after, notice_ids)


async def restore_outage(command: ChangeOutage, *, room: Outages) -> Published:
    """Note that the power is back: those who were told are told so. Raises NotFound, Conflict."""
    now = room.clock.now()
    async with room.db.transaction() as tx:
        change = rules.restore(await _lock(tx, command), now=now)
        intents = _fitting_notices(change, room, now)
        await outage.save(tx, change, by=command.by, reason=command.reason)
        notice_ids = await _schedule(tx, change, intents, now)
        await outbox.append(tx, events_of(change), source=NAME, now=now)
    _log(change, intents)
    return Published(change.after, notice_ids)


async def _lock(tx: Connection, command: ChangeOutage) -> Outage:
    """Hold the outage. Raises NotFound `outage-not-found`, Conflict `outage-changed-meanwhile`."""
    held = await outage.lock(tx, command.outage_id)
    if held is None:
        raise NotFound("outage-not-found", "there is no such outage")
    if command.revision is not None and command.revision != held.revision:
        raise Conflict(
            "outage-changed-meanwhile", "somebody changed it since you read it", newest_revision=held.revision
        )
    return held


def _fitting_notices(change: Change, room: Outages, now: datetime) -> list[Intent]:
    intents = notices_of(change, rules=room.rules, now=now)
    refuse_unfit(room.catalog, intents)
    return intents


async def _reach(tx: Connection, change: Change, intents: list[Intent], room: Outages) -> list[NoticeReach]:
    after = change.after
    return await count_reach(
        tx,
        room.catalog,
        intents,
        outage_id=after.outage_id,
        revision=after.revision,
        scope=after.document.scope,
        price_vnd=room.sms_price_vnd,
    )


async def _schedule(tx: Connection, change: Change, intents: list[Intent], now: datetime) -> list[UUID]:
    """Stop what is unsent of older notices, and schedule the new ones."""
    after = change.after
    if change.published:
        await notice.supersede(tx, after.outage_id, before_revision=after.revision, now=now)
    notices = scheduled_notices(after, intents, [uuid7(now) for _ in intents])
    await notice.schedule(tx, notices, now=now)
    await outbox.append(tx, [each.scheduled for each in notices], source=NAME, now=now)
    return [each.notice_id for each in notices]


def _log(change: Change, intents: list[Intent]) -> None:
    logger.info(
        "outage_changed",
        outage_id=str(change.after.outage_id),
        revision=change.after.revision,
        action=change.action,
        notices=len(intents),
    )
