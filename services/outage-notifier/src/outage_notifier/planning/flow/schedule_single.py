"""What every one-recipient notice has in common: it is told once for the event that it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gridcare.events.notices import NoticeScheduled
from gridcare.postgres import inbox, outbox
from gridcare.postgres.database import Connection, Database
from gridcare.values.clock import Clock
from gridcare.values.ids import uuid7
from outage_notifier import NAME
from outage_notifier.ledger.store import notice
from outage_notifier.ledger.store.notice import NewNotice
from outage_notifier.planning.core.single_notices import Single
from outage_notifier.texts.template import TEMPLATES


@dataclass(frozen=True, slots=True)
class Cause:
    """An event that a customer is told of: its id, which never changes, and what they are told."""

    event_id: UUID
    single: Single


async def schedule_singles(db: Database, clock: Clock, causes: Sequence[Cause]) -> int:
    """Schedule the notices of events that were not accepted before, in one transaction; how many. Raises Retryable."""
    if not causes:
        return 0
    async with db.transaction() as tx:
        now = clock.now()
        new = [made for cause in causes if (made := await _schedule(tx, cause, now)) is not None]
        await outbox.append(tx, [_event(made) for made in new], source=NAME, now=now)
    return len(new)


async def _schedule(tx: Connection, cause: Cause, now: datetime) -> NewNotice | None:
    """Schedule one; None when it was told before, by the inbox or by the notice itself, which is kept longer."""
    made = _notice(cause, now)
    if await inbox.accept(tx, NAME, cause.event_id) and await notice.schedule(tx, [made], now=now):
        return made
    return None


def _notice(cause: Cause, now: datetime) -> NewNotice:
    single = cause.single
    template = TEMPLATES[single.kind]
    return NewNotice(
        notice_id=uuid7(now),
        outage_id=None,
        revision=None,
        kind=single.kind,
        template=template.name,
        template_version=template.version,
        slots=single.slots,
        tag=single.tag,
        lane=template.lane,
        audience_rule="one",
        recipient_id=single.recipient_id,
        cause_event_id=cause.event_id,
        due_at=now,
        useful_until=single.useful_until,
    )


def _event(made: NewNotice) -> NoticeScheduled:
    return NoticeScheduled(
        version=1, notice_id=made.notice_id, kind=made.kind, outage_id=None, revision=None, due_at=made.due_at
    )
