"""Pack due one-recipient notices (receipts, tickets) many to a batch."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

from gridcare.events.notices import Lane
from gridcare.events.topics import LANES
from gridcare.postgres.database import Connection
from gridcare.postgres.poison.guard import Hand
from outage_notifier.ledger.core.notice import SingleNotice
from outage_notifier.ledger.store import notice
from outage_notifier.planning.core.page import Recipient
from outage_notifier.planning.flow.plan_notice import write_page
from outage_notifier.planning.room import Planning
from outage_notifier.planning.store import contacts
from outage_notifier.texts.template import Kind

SINGLES_DUE: Final = notice.ANY_SINGLE


async def pack_due_singles(*, room: Planning) -> int:
    """Pack up to one batch of due one-recipient notices in each lane. Return how many."""
    packed = 0
    for lane in LANES:
        packed += await room.guard.each("notice", partial(_pack_lane, lane, room), limit=room.batch_size)
    return packed


async def _pack_lane(lane: Lane, room: Planning, hand: Hand, limit: int) -> int:
    async with room.db.transaction() as tx:
        now = room.clock.now()
        singles = await notice.take_singles(tx, now=now, lane=lane, limit=limit)
        await hand.take([str(single.notice_id) for single in singles])
        if singles:
            await _pack(tx, singles, lane, room, now)
            await notice.singles_planned(tx, [single.notice_id for single in singles], now=now)
    return len(singles)


async def _pack(tx: Connection, singles: Sequence[SingleNotice], lane: Lane, room: Planning, now: datetime) -> None:
    known = await contacts.of_recipients(tx, [single.recipient_id for single in singles])
    by_kind: dict[Kind, list[Recipient]] = defaultdict(list)
    for single, of_recipient in zip(singles, known, strict=True):
        by_kind[single.kind].append(Recipient(single.notice_id, 1, of_recipient))
    for kind, recipients in by_kind.items():
        await write_page(tx, recipients, notice_id=None, kind=kind, lane=lane, batch_size=room.batch_size, now=now)
