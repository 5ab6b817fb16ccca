"""How far notices are: sums over the batch ledger, cheap while a million messages are under way."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from gridcare.events.notices import Channel
from gridcare.postgres.database import Connection, Row
from gridcare.postgres.poison.store import parked, workable
from outage_notifier.ledger.core.delivery import OPEN, RECORDED, State
from outage_notifier.ledger.core.notice import NoticeProgress, NoticeState

Counts = tuple[Mapping[State, int], Mapping[Channel, int]]
"""Recipients by state, and by channel."""

_NOTICE = f"""
SELECT notice_id, outage_id, revision, kind, lane, state, due_at, useful_until, superseded_at, planned_at, completed_at,
       audience, recipient_id, completions,
       (SELECT parked_at FROM poison WHERE kind = 'notice' AND item_id = notice_id::text) AS parked_at,
       (SELECT count(*)::int FROM batch b
        WHERE b.notice_id = notice.notice_id AND b.state = 'ready' AND {parked("batch", "b.batch_id::text")}
       ) AS parked_batches
FROM notice
"""
_ONE = f"{_NOTICE} WHERE notice_id = $1"
_OF_OUTAGE = f"""{_NOTICE}
WHERE outage_id = $1 AND ($2::text[] = '{{}}' OR state = ANY($2)) AND ($3::uuid IS NULL OR notice_id > $3)
ORDER BY notice_id LIMIT $4
"""
_SUMS = ", ".join(f"sum({state})::int AS {state}" for state in RECORDED)
_BOOKS = f"SELECT sum(size)::int AS size, {_SUMS} FROM batch WHERE home AND notice_id = $1"
_CHANNELS = """
SELECT channel, sum(size)::int AS recipients FROM batch WHERE home AND notice_id = $1 AND channel <> 'none' GROUP BY 1
"""
_SETTLED_CHANNELS = """
SELECT channel, count(*)::int AS recipients FROM delivery WHERE notice_id = $1 AND channel <> 'none' GROUP BY 1
"""
_SINGLE = "SELECT state, channel FROM delivery WHERE notice_id = $1 AND recipient_id = $2"
_SETTLED_SUM = " + ".join(state for state in RECORDED if state not in OPEN)
_WORKABLE = workable("completion", "n.notice_id::text")
_LARGE = f"""
FROM notice n
WHERE n.state = 'planned' AND n.recipient_id IS NULL AND NOT EXISTS (
    SELECT FROM batch b WHERE b.notice_id = n.notice_id AND b.home AND {_SETTLED_SUM} < b.size)
  AND NOT EXISTS (SELECT FROM cover c WHERE c.look_at <= $1 AND c.notice_id = n.notice_id) AND {_WORKABLE}
ORDER BY n.notice_id
"""
_SINGLES = f"""
FROM notice n JOIN delivery d ON d.notice_id = n.notice_id AND d.recipient_id = n.recipient_id
WHERE n.state = 'planned' AND d.state NOT IN ({", ".join(f"'{state.value}'" for state in sorted(OPEN))}) AND {_WORKABLE}
ORDER BY n.notice_id
"""
_DONE = f"SELECT n.notice_id {_LARGE} LIMIT $2"
_DONE_SINGLES = f"SELECT n.notice_id {_SINGLES} LIMIT $1"
ANY_DONE: Final = f"""
SELECT true FROM ((SELECT {_LARGE} LIMIT 1) UNION ALL (SELECT {_SINGLES} LIMIT 1)) AS done LIMIT 1
"""
_COMPLETE = """
UPDATE notice SET state = 'completed', completed_at = $2, completions = completions + 1
WHERE notice_id = ANY($1::uuid[]) AND state = 'planned'
RETURNING notice_id
"""


async def find(tx: Connection, notice_id: UUID) -> NoticeProgress | None:
    """Sum a notice up, or None when there is none of this id."""
    row = await tx.fetchrow(_ONE, notice_id)
    return await _summed(tx, row) if row is not None else None


async def of_outage(
    tx: Connection, outage_id: UUID, *, states: Collection[NoticeState], after: UUID | None, limit: int
) -> list[NoticeProgress]:
    """Sum up the notices of an outage, in the order in which they were made; of all states where `states` names none."""
    return [await _summed(tx, row) for row in await tx.fetch(_OF_OUTAGE, outage_id, list(states), after, limit)]


async def done(tx: Connection, *, now: datetime, limit: int) -> list[UUID]:
    """Find planned notices that have no open delivery left, at most `limit`, large ones first.

    A notice waits for the covers that are to be looked at: a recipient may have to be told after all.
    """
    large = await tx.fetch(_DONE, now, limit)
    singles = await tx.fetch(_DONE_SINGLES, limit - len(large))
    return [row["notice_id"] for row in (*large, *singles)]


async def complete(tx: Connection, notice_ids: Sequence[UUID], *, now: datetime) -> list[UUID]:
    """Mark notices as complete. Return those that were not marked before."""
    return [row["notice_id"] for row in await tx.fetch(_COMPLETE, list(notice_ids), now)]


async def _summed(tx: Connection, row: Row) -> NoticeProgress:
    facts = dict(row)
    recipient_id = facts.pop("recipient_id")
    states, channels = await (_of_many(tx, row) if recipient_id is None else _of_one(tx, row))
    return NoticeProgress(**facts, states=states, channels=channels)


async def _of_one(tx: Connection, row: Row) -> Counts:
    recorded = await tx.fetchrow(_SINGLE, row["notice_id"], row["recipient_id"])
    if recorded is None:
        return ({State.PLANNED: 1} if row["audience"] else {}), {}
    channel = recorded["channel"]
    return {State(recorded["state"]): 1}, {channel: 1} if channel != "none" else {}


async def _of_many(tx: Connection, row: Row) -> Counts:
    books = await tx.fetchrow(_BOOKS, row["notice_id"])
    size = (books["size"] if books else None) or 0
    states: dict[State, int] = {state: books[state] for state in RECORDED if books and books[state]}
    planned = size - sum(states.values())
    if planned:
        states = {State.PLANNED: planned} | states
    channels = await tx.fetch(_SETTLED_CHANNELS if row["state"] == "completed" else _CHANNELS, row["notice_id"])
    return states, {each["channel"]: each["recipients"] for each in channels}
