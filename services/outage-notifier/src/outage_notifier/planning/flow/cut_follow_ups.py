"""Cut what is due again (held, to be retried, or without an answer to its push) into follow-up batches.

A due delivery either gets a place in a new batch, with contacts chosen now, or ends: its notice was superseded, it is
too late, or nobody can be reached any more. Its home batch is locked meanwhile, so that a received mark and the fallback
meet here: who comes second sees what the first did.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from gridcare.postgres.database import Connection
from gridcare.values.ids import uuid7
from outage_notifier.ledger.core.delivery import Delivery, Situation, State, decide_unsent, settled
from outage_notifier.ledger.core.member import Member
from outage_notifier.ledger.core.notice import Content
from outage_notifier.ledger.store import batch, delivery, notice
from outage_notifier.ledger.store.batch import Hint, NewBatch
from outage_notifier.planning.core.audience import Reach, cut
from outage_notifier.planning.core.follow_up import Covered, Follow, Waiting, follow, keys_to_note
from outage_notifier.planning.flow.hint_batches import hint_at
from outage_notifier.planning.room import Planning
from outage_notifier.planning.store import audience, follow_up
from outage_notifier.texts.template import TEMPLATES

CUT_MAX = 500
"""Deliveries looked at in one transaction: a batch's worth, some 20 ms of locks."""

Target = tuple[UUID | None, str, str]
"""A follow-up batch's notice (None where one-recipient notices are packed), channel and lane."""


@dataclass(slots=True)
class Cutting:
    """What one transaction decides."""

    now: datetime
    members: dict[Target, list[tuple[Member, Delivery]]] = field(default_factory=lambda: defaultdict(list))
    settled: list[Delivery] = field(default_factory=list)


async def cut_follow_ups(*, room: Planning, limit: int = CUT_MAX) -> int:
    """Cut or settle the deliveries that are due; how many were looked at."""
    async with room.db.transaction() as tx:
        cutting = Cutting(room.clock.now())
        keys = await follow_up.due(tx, now=cutting.now, limit=limit)
        if not keys:
            return 0
        known = await delivery.lock(tx, keys)
        due = [found for found in known.values() if _is_due(found, cutting.now)]
        contents = await notice.contents(tx, list({found.notice_id for found in due}))
        sendable = [found for found in due if not _ended(cutting, found, contents[found.notice_id])]
        await _choose(tx, cutting, sendable, contents)
        await _write(tx, cutting)
    return len(keys)


def _is_due(found: Delivery, now: datetime) -> bool:
    """Look again under the lock: a received mark or another worker may have come first."""
    waits = found.state in follow_up.CUT_FROM and found.follow_up_batch_id is None
    return waits and found.next_attempt_at is not None and found.next_attempt_at <= now


def _ended(cutting: Cutting, found: Delivery, content: Content) -> bool:
    """Settle what is not worth sending any more."""
    situation = Situation(
        now=cutting.now,
        useful_until=content.useful_until,
        tries=found.tries,
        fallback=False,
        told_before=found.state == State.AWAITING,
    )
    decision = decide_unsent(situation, superseded=content.superseded, held_until=None)
    if decision is not None:
        cutting.settled.append(settled(found, decision.state, reason=decision.reason, now=cutting.now))
    return decision is not None


async def _choose(tx: Connection, cutting: Cutting, due: Sequence[Delivery], contents: Mapping[UUID, Content]) -> None:
    codes = sorted({found.recipient_id for found in due})
    reaches = {reach.recipient_id: reach for reach in await audience.reach(tx, codes)}
    owners = await _note(tx, due, reaches)
    for found in due:
        content, waiting = contents[found.notice_id], _waiting(found)
        chosen = follow(waiting, reaches[found.recipient_id], owners.get(found.notice_id, {}))
        if isinstance(chosen, Follow):
            packed = content.outage_id is None
            target = (None if packed else found.notice_id, chosen.channel, TEMPLATES[content.template].lane)
            cutting.members[target].append((_member(found, chosen, packed=packed), found))
        elif isinstance(chosen, Covered):
            covered = settled(found, State.COVERED, reason="shared-contact", now=cutting.now)
            cutting.settled.append(replace(covered, covered_by=chosen.by))
        else:
            cutting.settled.append(settled(found, chosen.state, reason=chosen.reason, now=cutting.now))


async def _note(tx: Connection, due: Sequence[Delivery], reaches: Mapping[str, Reach]) -> dict[UUID, dict[bytes, str]]:
    """Note shared contacts, notice by notice in one order for all workers; who is told on each."""
    wanted: dict[UUID, list[tuple[bytes, str]]] = defaultdict(list)
    for found in due:
        keys = keys_to_note(_waiting(found), reaches[found.recipient_id])
        wanted[found.notice_id] += [(key, found.recipient_id) for key in keys]
    return {
        notice_id: await audience.note_contacts(tx, notice_id, wanted[notice_id])
        for notice_id in sorted(wanted)
        if wanted[notice_id]
    }


async def _write(tx: Connection, cutting: Cutting) -> None:
    batches: list[NewBatch] = []
    moved: list[Delivery] = []
    for (notice_id, channel, lane), pairs in cutting.members.items():
        for part in cut(pairs):
            batch_id = uuid7(cutting.now)
            members = [member for member, _ in part]
            batches.append(NewBatch(batch_id, notice_id, home=False, channel=channel, lane=lane, members=members))
            moved += [replace(found, follow_up_batch_id=batch_id, next_attempt_at=None) for _, found in part]
    await batch.insert(tx, batches)
    await delivery.record(tx, [*moved, *cutting.settled])
    await hint_at(tx, [Hint(b.batch_id, b.channel, b.lane) for b in batches], now=cutting.now)


def _waiting(found: Delivery) -> Waiting:
    channel = found.next_channel or found.channel
    return Waiting(found.recipient_id, State(found.state), found.reason, channel, found.told_devices or ())


def _member(found: Delivery, chosen: Follow, *, packed: bool) -> Member:
    return Member(
        found.number,
        found.recipient_id,
        found.language,
        chosen.contacts,
        chosen.fallback,
        found.notice_id if packed else None,
        found.home_batch_id,
        found.tries,
        told_before=found.state == State.AWAITING,
        told_devices=tuple(found.told_devices or ()),
    )
