"""Plan a due notice: page its audience, choose each recipient's channel, cut batches with their members stored.

A page's batches, the cursor and the hints are one transaction fenced by the claim number. If a planner dies in the middle of
a notice, the next planner continues after the last page; a planner that wakes up late writes nothing.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from gridcare.events.notices import Lane
from gridcare.postgres.database import Connection
from gridcare.process.crash_points import reach
from gridcare.values.ids import uuid7
from outage_notifier.ledger.core.batch import NewBatch
from outage_notifier.ledger.core.delivery import Delivery
from outage_notifier.ledger.core.member import Member
from outage_notifier.ledger.core.notice import ClaimedNotice
from outage_notifier.ledger.store import batch, cover, delivery, notice
from outage_notifier.planning.core.choice import cut
from outage_notifier.planning.core.page import Recipient, Settled, choose_all, plan_page, shared_contacts
from outage_notifier.planning.flow.hint_batches import hint_at_new
from outage_notifier.planning.flow.look_ahead import Later, look_ahead
from outage_notifier.planning.room import Planning
from outage_notifier.planning.store import contacts, recipients
from outage_notifier.planning.store.recipients import Audience
from outage_notifier.texts.template import TEMPLATES, Kind

NOTICES_DUE: Final = notice.ANY_CLAIMABLE
NOTICES_WAITING: Final = notice.ANY_TO_PLAN
"""One that cannot be claimed yet waits for older batches of its outage, or for the lease of a planner that died."""


async def plan_due_notice(*, room: Planning) -> int:
    """Plan the next due notice to its end, or count its failure. Return 0 when none is due."""
    async with room.db.transaction() as tx:
        claimed = await notice.claim_due(tx, now=room.clock.now(), lease_s=room.lease_s)
    if claimed is None:
        return 0
    reach("planner.claimed")
    await room.guard.run(
        "notice",
        str(claimed.notice_id),
        partial(_plan, claimed, room),
        seen_before=claimed.claim_number > 1,
        progress=claimed.cursor,
    )
    return 1


async def _plan(claimed: ClaimedNotice, room: Planning) -> None:
    async with room.db.transaction() as tx:
        audience = await _open_audience(tx, claimed, room.listed_max)
    cursor: str | None = claimed.cursor
    while cursor is not None:
        cursor = await _plan_page(claimed, audience, after=cursor, room=room)


async def _open_audience(tx: Connection, claimed: ClaimedNotice, listed_max: int) -> Audience:
    scope = await recipients.scope_at(tx, claimed.outage_id, claimed.revision)
    earlier = await recipients.earlier_notices(tx, claimed.outage_id, claimed.revision)
    return await recipients.open_audience(tx, claimed.audience_rule, scope, earlier, listed_max=listed_max)


async def _plan_page(claimed: ClaimedNotice, audience: Audience, *, after: str, room: Planning) -> str | None:
    """Plan the recipients that follow `after`. Return the next cursor, or None at the end or when the claim is lost."""
    async with room.db.transaction() as tx:
        now = room.clock.now()
        page = await recipients.page(tx, audience, after=after, limit=room.page_size)
        before = await notice.turn_page(
            tx, claimed, cursor=page.cursor or after, added=len(page.recipients), lease_s=room.lease_s
        )
        if before is None:  # superseded, or another planner's by now
            await _finish(tx, claimed, now)
            return None
        if page.recipients:
            known = await contacts.of_recipients(tx, page.recipients)
            numbered = [Recipient(claimed.notice_id, before + n, each) for n, each in enumerate(known, start=1)]
            await write_page(
                tx,
                numbered,
                notice_id=claimed.notice_id,
                kind=claimed.kind,
                lane=claimed.lane,
                batch_size=room.batch_size,
                now=now,
                later=Later(audience, page.cursor) if page.cursor is not None else None,
            )
        if page.cursor is None:
            await _finish(tx, claimed, now)
    reach("planner.page-committed")
    return page.cursor


async def _finish(tx: Connection, claimed: ClaimedNotice, now: datetime) -> None:
    if await notice.finish_planning(tx, claimed, now=now):
        await contacts.free_ahead(tx, claimed.notice_id)


async def write_page(
    tx: Connection,
    page: Sequence[Recipient],
    *,
    notice_id: UUID | None,
    kind: Kind,
    lane: Lane,
    batch_size: int,
    now: datetime,
    later: Later | None = None,
) -> None:
    """Choose contacts, note the shared ones, and write the batches with their hints, and those who are settled at once.

    `notice_id` is None where one-recipient notices of a kind are packed; `later` are the recipients of later pages.
    """
    sms_first = TEMPLATES[kind].sms_first
    choices = choose_all(page, sms_first=sms_first)
    owners = {
        noted: await contacts.note(
            tx, noted, wanted, await look_ahead(tx, noted, wanted, later, sms_first=sms_first) if later else ()
        )
        for noted, wanted in shared_contacts(page, choices).items()
    }
    plan = plan_page(page, choices, owners, packed=notice_id is None)
    batches = [
        NewBatch(uuid7(now), notice_id, home=True, channel=channel, lane=lane, members=members)
        for channel, of_channel in plan.members.items()
        for members in cut(of_channel, batch_size)
    ]
    await batch.insert(tx, batches)
    await hint_at_new(tx, batches, now=now)
    if plan.settled:
        members = [_counted_member(each.recipient) for each in plan.settled]
        counting = NewBatch(uuid7(now), notice_id, home=True, channel="none", lane=lane, members=members)
        await batch.insert(tx, [counting])
        await delivery.record(tx, [_delivery(each, counting.batch_id, now) for each in plan.settled])
        await cover.add(tx, [each.cover for each in plan.settled if each.cover], look_at=now)


def _counted_member(recipient: Recipient) -> Member:
    """Return a recipient who is settled at once, as a member of the batch (of channel `none`) that counts such recipients."""
    return Member(
        recipient.number,
        recipient.contacts.recipient_id,
        recipient.contacts.language,
        contacts=(),
        notice_id=recipient.notice_id,
    )


def _delivery(settled: Settled, batch_id: UUID, now: datetime) -> Delivery:
    recipient = settled.recipient
    return Delivery(
        notice_id=recipient.notice_id,
        recipient_id=recipient.contacts.recipient_id,
        number=recipient.number,
        home_batch_id=batch_id,
        language=recipient.contacts.language,
        state=settled.state,
        reason=settled.reason,
        channel="none",
        contact=settled.contact,
        covered_by=settled.cover.covered_by if settled.cover else None,
        tries=0,
        looks=0,
        next_attempt_at=None,
        next_channel=None,
        follow_up_batch_id=None,
        recorded_at=now,
    )
