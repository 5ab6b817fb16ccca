"""How far notices are: sums over the batch ledger, cheap while a million messages are under way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gridcare.postgres.database import Connection
from outage_notifier.core.delivery import OPEN, RECORDED, State


@dataclass(frozen=True, slots=True)
class NoticeProgress:
    """A notice and its counts. `states` has every state that somebody is in; `channels` counts recipients by channel."""

    notice_id: UUID
    outage_id: UUID | None
    revision: int | None
    kind: str
    lane: str
    state: str
    due_at: datetime
    useful_until: datetime
    superseded_at: datetime | None
    planned_at: datetime | None
    completed_at: datetime | None
    audience: int
    states: Mapping[str, int]
    channels: Mapping[str, int]


_NOTICE = """
SELECT notice_id, outage_id, revision, kind, lane, state, due_at, useful_until, superseded_at, planned_at, completed_at,
       audience, recipient_id
FROM notice
"""
_ONE = f"{_NOTICE} WHERE notice_id = $1"
_OF_OUTAGE = f"{_NOTICE} WHERE outage_id = $1 ORDER BY notice_id"
_SUMS = ", ".join(f"sum({state})::int AS {state}" for state in RECORDED)
_BOOKS = f"SELECT sum(size)::int AS size, {_SUMS} FROM batch WHERE home AND notice_id = $1"
_CHANNELS = "SELECT channel, sum(size)::int FROM batch WHERE home AND notice_id = $1 AND channel <> 'none' GROUP BY 1"
_SETTLED_CHANNELS = """
SELECT channel, count(*)::int FROM delivery WHERE notice_id = $1 AND channel <> 'none' GROUP BY 1
"""
_SINGLE = "SELECT state, channel FROM delivery WHERE notice_id = $1 AND recipient_id = $2"
_SETTLED_COUNTS = " + ".join(state for state in RECORDED if state not in OPEN)
_DONE = f"""
SELECT n.notice_id FROM notice n
WHERE n.state = 'planned' AND n.recipient_id IS NULL AND NOT EXISTS (
    SELECT FROM batch b WHERE b.notice_id = n.notice_id AND b.home AND {_SETTLED_COUNTS} < b.size)
ORDER BY n.notice_id LIMIT $1
"""
_DONE_SINGLES = """
SELECT n.notice_id FROM notice n JOIN delivery d ON d.notice_id = n.notice_id AND d.recipient_id = n.recipient_id
WHERE n.state = 'planned' AND d.state <> ALL($2::text[]) ORDER BY n.notice_id LIMIT $1
"""
_COMPLETE = """
UPDATE notice SET state = 'completed', completed_at = $2 WHERE notice_id = ANY($1::uuid[]) AND state = 'planned'
RETURNING notice_id
"""


async def find(tx: Connection, notice_id: UUID) -> NoticeProgress | None:
    """Sum a notice up, or None when there is none of this id."""
    row = await tx.fetchrow(_ONE, notice_id)
    return await _summed(tx, tuple(row)) if row is not None else None


async def of_outage(tx: Connection, outage_id: UUID) -> list[NoticeProgress]:
    """Sum up the notices of an outage, in the order in which they were made."""
    return [await _summed(tx, tuple(row)) for row in await tx.fetch(_OF_OUTAGE, outage_id)]


async def done(tx: Connection, *, limit: int) -> list[UUID]:
    """Find planned notices of which no delivery is open any more."""
    large = [row[0] for row in await tx.fetch(_DONE, limit)]
    singles = [row[0] for row in await tx.fetch(_DONE_SINGLES, limit, [state.value for state in OPEN])]
    return large + singles


async def complete(tx: Connection, notice_ids: Sequence[UUID], *, now: datetime) -> list[UUID]:
    """Say that notices are complete; those that were not said to be so before."""
    return [row[0] for row in await tx.fetch(_COMPLETE, list(notice_ids), now)]


async def _summed(tx: Connection, row: tuple[object, ...]) -> NoticeProgress:
    *facts, recipient_id = row
    notice_id, state = facts[0], facts[5]
    if recipient_id is not None:
        found = await tx.fetchrow(_SINGLE, notice_id, recipient_id)
        states = {found[0]: 1} if found else ({State.PLANNED.value: 1} if facts[11] else {})
        channels = {found[1]: 1} if found and found[1] != "none" else {}
        return NoticeProgress(*facts, states, channels)  # type: ignore[arg-type] # the row's columns, in their order
    books = await tx.fetchrow(_BOOKS, notice_id)
    size = (books["size"] if books else None) or 0
    states = {s.value: books[s] for s in RECORDED if books and books[s]}
    planned = size - sum(states.values())
    if planned:
        states = {State.PLANNED.value: planned} | states
    by_channel = await tx.fetch(_SETTLED_CHANNELS if state == "completed" else _CHANNELS, notice_id)
    return NoticeProgress(*facts, states, {r[0]: r[1] for r in by_channel})  # type: ignore[arg-type] # as above
