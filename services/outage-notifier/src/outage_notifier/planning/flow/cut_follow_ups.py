"""Cut what is due again (held, to be retried, or without an answer to its push) into follow-up batches.

A due delivery either gets into a new batch, with contacts chosen now, or ends: its notice was superseded, it is too late,
or nobody can be reached any more. Its home batch is locked meanwhile, so a received mark and the fallback cannot miss each
other: whichever comes second sees what the first did.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from gridcare.events.notices import Channel, Lane
from gridcare.postgres.database import Connection
from gridcare.postgres.poison.guard import Hand
from gridcare.process.crash_points import reach
from gridcare.values.ids import uuid7
from outage_notifier.ledger.core.batch import NewBatch
from outage_notifier.ledger.core.decision import Decision
from outage_notifier.ledger.core.delivery import Delivery, DeliveryKey
from outage_notifier.ledger.core.member import Member
from outage_notifier.ledger.core.notice import Content
from outage_notifier.ledger.store import batch, cover, delivery, notice
from outage_notifier.planning.core.choice import Contacts, cut
from outage_notifier.planning.core.follow_up import (
    Covered,
    Follow,
    Waiting,
    cover_of,
    end_useless,
    follow,
    is_due,
    member_of,
    settled_as,
    shared_to_note,
    waiting_of,
)
from outage_notifier.planning.core.page import Owners, Wanted
from outage_notifier.planning.flow.hint_batches import hint_at_new
from outage_notifier.planning.room import Planning
from outage_notifier.planning.store import contacts, follow_up
from outage_notifier.texts.template import TEMPLATES

CUT_MAX: Final = 500
"""How many deliveries one transaction looks at: a batch's worth, locked for about 20 ms."""

FOLLOW_UPS_DUE: Final = follow_up.ANY_DUE

Target = tuple[UUID | None, Channel, Lane]
"""A follow-up batch's notice (None where one-recipient notices are packed), channel and lane."""


async def cut_follow_ups(*, room: Planning, limit: int = CUT_MAX) -> int:
    """Cut or settle the deliveries that are due. Return how many were looked at."""
    return await room.guard.each("follow-up", partial(_cut, room), limit=limit)


async def _cut(room: Planning, hand: Hand, limit: int) -> int:
    async with room.db.transaction() as tx:
        now = room.clock.now()
        keys = await follow_up.due(tx, now=now, limit=limit)
        if not keys:
            return 0
        await hand.take([str(each) for each in keys.values()])
        locked = await delivery.lock(tx, list(keys))
        due = [row for row in locked.values() if is_due(row, now)]
        contents = await notice.contents(tx, list({row.notice_id for row in due}))
        useless = {row.key: ended for row in due if (ended := end_useless(row, contents[row.notice_id], now))}
        members, endings = await _choose(tx, [row for row in due if row.key not in useless], contents)
        batches, moved = _batches(members, now)
        await batch.insert(tx, batches)
        settled = [settled_as(row, end, now) for row, end in endings]
        await delivery.record(tx, [*useless.values(), *settled, *moved])
        await cover.add(tx, [each for row, end in endings if (each := cover_of(row, end))], look_at=now)
        await hint_at_new(tx, batches, now=now)
    reach("worker.follow-ups-cut")
    return len(keys)


async def _choose(
    tx: Connection, due: Sequence[Delivery], contents: Mapping[UUID, Content]
) -> tuple[Mapping[Target, Sequence[tuple[Member, Delivery]]], Sequence[tuple[Delivery, Covered | Decision]]]:
    """Choose contacts. Return the members of follow-up batches with their deliveries, and who is settled instead, as what."""
    recipient_ids = sorted({row.recipient_id for row in due})
    known = {each.recipient_id: each for each in await contacts.of_recipients(tx, recipient_ids)}
    waiting = {row.key: waiting_of(row, sms_first=TEMPLATES[contents[row.notice_id].template].sms_first) for row in due}
    owners = await _note_shared(tx, waiting, known)
    members: dict[Target, list[tuple[Member, Delivery]]] = defaultdict(list)
    ended: list[tuple[Delivery, Covered | Decision]] = []
    for row in due:
        content = contents[row.notice_id]
        chosen = follow(waiting[row.key], known[row.recipient_id], owners.get(row.notice_id, {}))
        if isinstance(chosen, Follow):
            packed = content.outage_id is None
            target = (None if packed else row.notice_id, chosen.channel, TEMPLATES[content.template].lane)
            members[target].append((member_of(row, chosen, packed=packed), row))
        else:
            ended.append((row, chosen))
    return members, ended


async def _note_shared(
    tx: Connection, waiting: Mapping[DeliveryKey, Waiting], known: Mapping[str, Contacts]
) -> dict[UUID, Owners]:
    """Note shared contacts, in an order of notices that all workers keep. Return who is told on each."""
    wanted: dict[UUID, list[Wanted]] = defaultdict(list)
    for (notice_id, recipient_id), each in waiting.items():
        wanted[notice_id] += [(shared, recipient_id) for shared in shared_to_note(each, known[recipient_id])]
    return {notice_id: await contacts.note(tx, notice_id, of) for notice_id, of in sorted(wanted.items()) if of}


def _batches(
    members: Mapping[Target, Sequence[tuple[Member, Delivery]]], now: datetime
) -> tuple[list[NewBatch], list[Delivery]]:
    """Cut members into batches, and name in each delivery the batch that it is in now."""
    batches: list[NewBatch] = []
    moved: list[Delivery] = []
    for (notice_id, channel, lane), of_target in members.items():
        for part in cut(of_target):
            batch_id = uuid7(now)
            of_batch = [member for member, _ in part]
            batches.append(NewBatch(batch_id, notice_id, home=False, channel=channel, lane=lane, members=of_batch))
            moved += [replace(row, follow_up_batch_id=batch_id, next_attempt_at=None) for _, row in part]
    return batches, moved
