"""Plan a due notice: page its audience, choose each recipient's channel, cut batches with their members stored.

A page's batches, the cursor and the hints are one transaction guarded by the attempt: a planner that dies in mid-notice
is followed by one that goes on behind the last page, and one that wakes up late writes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gridcare.events.notices import Lane
from gridcare.events.topics import LANES
from gridcare.postgres.database import Connection
from gridcare.values.ids import uuid7
from outage_notifier.ledger.core.delivery import Delivery
from outage_notifier.ledger.core.member import Member
from outage_notifier.ledger.store import batch, delivery, notice
from outage_notifier.ledger.store.batch import Hint, NewBatch
from outage_notifier.ledger.store.notice import PlannedNotice
from outage_notifier.planning.core.audience import cut
from outage_notifier.planning.core.page import Place, Settled, chosen, contacts_to_note, plan_page
from outage_notifier.planning.flow.hint_batches import hint_at
from outage_notifier.planning.room import Planning
from outage_notifier.planning.store import audience, recipients
from outage_notifier.planning.store.recipients import Audience
from outage_notifier.texts.template import TEMPLATES, Kind


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a page's batches belong: a notice, or none where one-recipient notices are packed."""

    notice_id: UUID | None
    kind: Kind
    lane: Lane
    now: datetime
    batch_size: int


async def plan_due_notice(*, room: Planning) -> int:
    """Plan the next due notice to its end; 0 when none is due."""
    async with room.db.transaction() as tx:
        claimed = await notice.claim_due(tx, now=room.clock.now(), lease_s=room.lease_s)
        if claimed is None:
            return 0
        rule = await _rule_of(tx, claimed)
    cursor: str | None = claimed.cursor
    while cursor is not None:
        cursor = await _plan_page(room, claimed, rule, after=cursor)
    return 1


async def pack_due_singles(*, room: Planning) -> int:
    """Pack due one-recipient notices (receipts, tickets) many to a batch. Return how many."""
    packed = 0
    for lane in LANES:
        async with room.db.transaction() as tx:
            now = room.clock.now()
            singles = await notice.take_singles(tx, now=now, lane=lane, limit=room.batch_size)
            if singles:
                await _pack(tx, singles, lane=lane, now=now, batch_size=room.batch_size)
                packed += len(singles)
    return packed


async def _rule_of(tx: Connection, claimed: PlannedNotice) -> Audience:
    if claimed.outage_id is None or claimed.revision is None:
        raise LookupError(f"notice {claimed.notice_id} has an audience but no outage")
    scope = await recipients.scope_at(tx, claimed.outage_id, claimed.revision)
    earlier = await recipients.earlier_notices(tx, claimed.outage_id, claimed.revision)
    return await recipients.open_audience(tx, claimed.audience_rule, scope, earlier)


async def _plan_page(room: Planning, claimed: PlannedNotice, rule: Audience, *, after: str) -> str | None:
    """Plan the recipients behind `after`; the next cursor, or None at the end or when the claim is lost."""
    async with room.db.transaction() as tx:
        now = room.clock.now()
        page = await recipients.page(tx, rule, after=after, limit=room.page_size)
        before = await notice.turn_page(
            tx, claimed, cursor=page.cursor or after, added=len(page.recipients), lease_s=room.lease_s
        )
        if before is None:  # superseded, or another planner's by now
            await notice.finish_planning(tx, claimed, now=now)
            return None
        if page.recipients:
            reaches = await audience.reach(tx, page.recipients)
            places = [Place(claimed.notice_id, before + n, reach) for n, reach in enumerate(reaches, start=1)]
            target = _Target(claimed.notice_id, claimed.kind, claimed.lane, now, room.batch_size)
            await _write_page(tx, places, target)
        if page.cursor is None:
            await notice.finish_planning(tx, claimed, now=now)
        return page.cursor


async def _pack(
    tx: Connection, singles: Sequence[PlannedNotice], *, lane: Lane, now: datetime, batch_size: int
) -> None:
    reaches = await audience.reach(tx, [single.recipient_id or "" for single in singles])
    by_kind: dict[Kind, list[Place]] = {}
    for single, reach in zip(singles, reaches, strict=True):
        by_kind.setdefault(single.kind, []).append(Place(single.notice_id, 1, reach))
    for kind, places in by_kind.items():
        await _write_page(tx, places, _Target(None, kind, lane, now, batch_size))
    await notice.singles_planned(tx, [single.notice_id for single in singles], now=now)


async def _write_page(tx: Connection, places: Sequence[Place], target: _Target) -> None:
    """Choose, note shared contacts, and write the batches with their hints, and who is settled at once."""
    choices = chosen(places, sms_first=TEMPLATES[target.kind].sms_first)
    owners = {
        noted: await audience.note_contacts(tx, noted, keys)
        for noted, keys in contacts_to_note(places, choices).items()
    }
    plan = plan_page(places, choices, owners, packed=target.notice_id is None)
    batches = [
        NewBatch(uuid7(target.now), target.notice_id, home=True, channel=channel, lane=target.lane, members=members)
        for channel, of_channel in plan.members.items()
        for members in cut(of_channel, target.batch_size)
    ]
    await batch.insert(tx, batches)
    await hint_at(tx, [Hint(b.batch_id, b.channel, b.lane) for b in batches], now=target.now)
    await _settle(tx, plan.settled, target)


async def _settle(tx: Connection, settled: Sequence[Settled], target: _Target) -> None:
    """Record who is not sent anything; a batch of no channel counts them."""
    if not settled:
        return
    members = [
        Member(s.place.number, s.place.reach.recipient_id, s.place.reach.language, (), notice_id=s.place.notice_id)
        for s in settled
    ]
    counting = NewBatch(
        uuid7(target.now), target.notice_id, home=True, channel="none", lane=target.lane, members=members
    )
    await batch.insert(tx, [counting])
    await delivery.record(tx, [_settled_delivery(s, counting.batch_id, target.now) for s in settled])


def _settled_delivery(settled: Settled, batch_id: UUID, now: datetime) -> Delivery:
    place = settled.place
    return Delivery(
        notice_id=place.notice_id,
        recipient_id=place.reach.recipient_id,
        number=place.number,
        home_batch_id=batch_id,
        language=place.reach.language,
        state=settled.state,
        reason=settled.reason,
        channel="none",
        contact=settled.contact,
        covered_by=settled.covered_by,
        tries=0,
        looks=0,
        next_attempt_at=None,
        next_channel=None,
        follow_up_batch_id=None,
        recorded_at=now,
    )
