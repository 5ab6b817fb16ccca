"""`notice`: what is to be said, and the planners' claims on it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from gridcare.events.notices import Lane
from gridcare.events.topics import LANES
from gridcare.postgres import wake
from gridcare.postgres.database import Connection
from gridcare.postgres.poison.store import parked, workable
from gridcare.values.ids import first_id
from outage_notifier.ledger.core.notice import NOTICES_MADE, ClaimedNotice, Content, NewNotice, SingleNotice

LANE_RANK: Final = f"array_position(ARRAY{list(LANES)}, {{}})"
"""SQL that orders by lane, given the column: urgent first."""

_COLUMNS = """notice_id, outage_id, revision, kind, template, template_version, slots, tag, lane, audience_rule, recipient_id,
cause_event_id, due_at, useful_until"""
_INSERT = f"""
INSERT INTO notice ({_COLUMNS}, state, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'scheduled', $15)
ON CONFLICT (cause_event_id, kind) DO NOTHING
"""
_OUTAGE_EXISTS = "SELECT 1 FROM outage WHERE outage_id = $1"
_WORKABLE = workable("notice", "n.notice_id::text")
_CLAIMABLE = f"""
FROM notice n
    WHERE n.state = 'scheduled' AND n.recipient_id IS NULL AND n.due_at <= $1
      AND (n.plan_lease_until IS NULL OR n.plan_lease_until < now())
      AND {_WORKABLE}
      AND NOT EXISTS (
          SELECT FROM notice o JOIN batch b ON b.notice_id = o.notice_id
          WHERE o.outage_id = n.outage_id AND o.superseded_at IS NOT NULL AND o.revision < n.revision
            AND b.state = 'ready' AND NOT {parked("batch", "b.batch_id::text")})
      AND NOT EXISTS (
          SELECT FROM notice o
          WHERE o.outage_id = n.outage_id AND o.superseded_at IS NOT NULL AND o.revision < n.revision
            AND o.state = 'scheduled' AND NOT {parked("notice", "o.notice_id::text")})
"""
ANY_CLAIMABLE: Final = f"SELECT true {_CLAIMABLE} ORDER BY n.due_at LIMIT 1"
ANY_TO_PLAN: Final = f"""
SELECT true FROM notice n WHERE n.state = 'scheduled' AND n.due_at <= $1 AND NOT {parked("notice", "n.notice_id::text")}
ORDER BY n.due_at LIMIT 1
"""
_CLAIM = f"""
UPDATE notice SET plan_attempt = plan_attempt + 1, plan_lease_until = now() + make_interval(secs => $2)
WHERE notice_id = (
    SELECT n.notice_id {_CLAIMABLE}
    ORDER BY {LANE_RANK.format("n.lane")}, n.useful_until, n.notice_id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING notice_id, outage_id, revision, kind, lane, audience_rule, plan_attempt AS claim_number, plan_cursor AS cursor
"""
_TURN_PAGE = """
UPDATE notice SET plan_cursor = $3, audience = audience + $4, plan_lease_until = now() + make_interval(secs => $5)
WHERE notice_id = $1 AND plan_attempt = $2 AND state = 'scheduled' AND superseded_at IS NULL
RETURNING audience - $4
"""
_FINISH = """
UPDATE notice SET state = 'planned', planned_at = $3, plan_lease_until = NULL
WHERE notice_id = $1 AND plan_attempt = $2 AND state = 'scheduled'
RETURNING true
"""
# Completed ones too: a receipt may open one again, whose covered recipients would be told of the old revision.
_SUPERSEDE = """
UPDATE notice SET superseded_at = $3,
    state = CASE WHEN state = 'scheduled' AND plan_attempt = 0 THEN 'superseded' ELSE state END
WHERE outage_id = $1 AND revision < $2 AND superseded_at IS NULL
"""
_CONTENTS = """
SELECT notice_id, outage_id, revision, kind, template, template_version, slots, tag, useful_until,
       superseded_at IS NOT NULL AS superseded
FROM notice WHERE notice_id = ANY($1::uuid[])
"""
_REOPEN = """
UPDATE notice SET state = 'planned', completed_at = NULL WHERE notice_id = ANY($1::uuid[]) AND state = 'completed'
"""
_SINGLE_IS_DUE = f"state = 'scheduled' AND recipient_id IS NOT NULL AND due_at <= $1 AND {_WORKABLE}"
ANY_SINGLE: Final = f"SELECT true FROM notice n WHERE {_SINGLE_IS_DUE} ORDER BY due_at LIMIT 1"
_TAKE_SINGLES = f"""
SELECT notice_id, kind, recipient_id FROM notice n
WHERE {_SINGLE_IS_DUE} AND lane = $2
ORDER BY useful_until, notice_id LIMIT $3 FOR UPDATE SKIP LOCKED
"""
_SINGLES_PLANNED = """
UPDATE notice SET state = 'planned', planned_at = $2, audience = 1 WHERE notice_id = ANY($1::uuid[])
"""
_FORGET = """
WITH old AS MATERIALIZED (
    SELECT notice_id FROM notice WHERE notice_id < $1 ORDER BY notice_id LIMIT $2
), contacts AS (
    DELETE FROM notice_contact WHERE ctid = ANY(ARRAY(
        SELECT c.ctid FROM notice_contact c WHERE c.notice_id < $1 ORDER BY c.notice_id LIMIT $2))
    RETURNING 1
), covers AS (
    DELETE FROM cover WHERE ctid = ANY(ARRAY(
        SELECT c.ctid FROM cover c WHERE c.notice_id < $1 ORDER BY c.notice_id LIMIT $2))
    RETURNING 1
), notices AS (
    DELETE FROM notice WHERE notice_id IN (SELECT notice_id FROM old) RETURNING 1
)
SELECT (SELECT count(*) FROM contacts) + (SELECT count(*) FROM covers) + (SELECT count(*) FROM notices)
"""


async def outage_exists(connection: Connection, outage_id: UUID) -> bool:
    """Say whether there is such an outage, with or without notices."""
    return await connection.fetchval(_OUTAGE_EXISTS, outage_id) is not None


async def schedule(tx: Connection, notices: Sequence[NewNotice], *, now: datetime) -> int:
    """Write notices, except one whose event already has a notice. Return how many were new."""
    new = 0
    for n in notices:
        tag: str = await tx.execute(
            _INSERT,
            *(n.notice_id, n.outage_id, n.revision, n.intent.kind, n.intent.kind, n.template_version),
            msgspec.json.encode(n.intent.slots).decode(),
            *(n.tag, n.lane, n.intent.audience_rule, n.recipient_id, n.cause_event_id),
            *(n.intent.due_at, n.intent.useful_until, now),
        )
        new += int(tag.split()[2])
    return new


async def wake_planners(tx: Connection) -> None:
    """Have planners look for due notices as soon as the transaction commits."""
    await wake.send(tx, NOTICES_MADE)


async def claim_due(tx: Connection, *, now: datetime, lease_s: float) -> ClaimedNotice | None:
    """Claim the next due notice about an outage, fenced by a new claim number. Return None if none is due.

    The urgent ones come first, and in a lane the one whose use ends first.
    A notice waits until every batch of the older notices that it supersedes is settled, so that it knows who was told.
    """
    row = await tx.fetchrow(_CLAIM, now, lease_s)
    return ClaimedNotice(**row) if row is not None else None


async def turn_page(tx: Connection, notice: ClaimedNotice, *, cursor: str, added: int, lease_s: float) -> int | None:
    """Move the cursor past a page of `added` recipients. Return how many were planned before it.

    Return None if another planner claimed the notice or it was superseded; nothing may be written then.
    """
    before: int | None = await tx.fetchval(_TURN_PAGE, notice.notice_id, notice.claim_number, cursor, added, lease_s)
    return before


async def finish_planning(tx: Connection, notice: ClaimedNotice, *, now: datetime) -> bool:
    """Mark a notice as planned: its audience is complete. Return False when another planner has it by now."""
    return bool(await tx.fetchval(_FINISH, notice.notice_id, notice.claim_number, now))


async def supersede(tx: Connection, outage_id: UUID, *, before_revision: int, now: datetime) -> None:
    """Mark all older notices of an outage as superseded: nothing of them is planned or sent from now on."""
    await tx.execute(_SUPERSEDE, outage_id, before_revision, now)


async def reopen(tx: Connection, notice_ids: Sequence[UUID]) -> None:
    """Mark completed notices as planned: a delivery of each is open again."""
    await tx.execute(_REOPEN, list(notice_ids))


async def contents(tx: Connection, notice_ids: Sequence[UUID]) -> dict[UUID, Content]:
    """Read what senders need, by notice."""
    rows = await tx.fetch(_CONTENTS, list(notice_ids))
    return {row["notice_id"]: Content(**{**row, "slots": msgspec.json.decode(row["slots"])}) for row in rows}


async def take_singles(tx: Connection, *, now: datetime, lane: Lane, limit: int) -> list[SingleNotice]:
    """Lock due one-recipient notices of a lane, those whose use ends first, to be packed in this transaction."""
    return [SingleNotice(**row) for row in await tx.fetch(_TAKE_SINGLES, now, lane, limit)]


async def forget(tx: Connection, *, before: datetime, limit: int) -> int:
    """Delete notices that were made before a time, their shared contacts and covers, at most `limit` of each. Return how many."""
    gone: int = await tx.fetchval(_FORGET, first_id(before), limit)
    return gone


async def singles_planned(tx: Connection, notice_ids: Sequence[UUID], *, now: datetime) -> None:
    """Mark one-recipient notices as planned: they are in a batch."""
    await tx.execute(_SINGLES_PLANNED, list(notice_ids), now)
