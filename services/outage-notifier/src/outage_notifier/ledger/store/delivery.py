"""`delivery` and the counts of its home batch, always moved together.

Partitioned by month of the notice: `notice_id = ANY(…)` beside a join leaves the other months alone.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from msgspec.structs import astuple

from gridcare.postgres.database import Connection, Row
from gridcare.postgres.poison.store import workable
from outage_notifier.ledger.core.delivery import OPEN, RECORDED, TOLD, Delivery, DeliveryKey, State
from outage_notifier.ledger.store import batch, cover

_COVERS_NOBODY = frozenset(State) - OPEN - (TOLD - {State.COVERED, State.UNRESOLVED})
_COLUMNS = Delivery.__struct_fields__
_LIST = ", ".join(_COLUMNS)
_STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged_delivery (
    notice_id uuid, recipient_id text COLLATE "C", number int, home_batch_id uuid, language text, state text, reason text,
    channel text, contact text, covered_by text, tries smallint, looks smallint, next_attempt_at timestamptz,
    next_channel text, follow_up_batch_id uuid, recorded_at timestamptz, told_devices text[],
    told_by_push boolean
) ON COMMIT DELETE ROWS
"""
_CHANGED = """state = excluded.state, reason = excluded.reason, channel = excluded.channel, contact = excluded.contact,
    covered_by = excluded.covered_by, tries = excluded.tries, looks = excluded.looks,
    next_attempt_at = excluded.next_attempt_at, next_channel = excluded.next_channel,
    follow_up_batch_id = excluded.follow_up_batch_id, recorded_at = excluded.recorded_at,
    told_devices = excluded.told_devices, told_by_push = excluded.told_by_push"""
_SHIFTS = ", ".join(
    f"count(*) FILTER (WHERE w.state = '{s}') - count(*) FILTER (WHERE o.state = '{s}') AS {s}" for s in RECORDED
)
_ADDED = ", ".join(f"{s} = b.{s} + m.{s}" for s in RECORDED)
# `old` reads the statement's snapshot, whichever part runs first. It must not lock: it would skip a row that `written` changed
# before it, and the row would be counted twice. The locks of the home batches keep others out.
# PostgreSQL expects the rows of a thousand batches in the staging table, and would read all of `delivery` and `batch`, which
# grow each day. One subquery per row, and the home batches named once more, leave it only the indexes.
_MERGE = f"""
WITH staged AS MATERIALIZED (
    DELETE FROM staged_delivery RETURNING *
), old AS MATERIALIZED (
    SELECT s.notice_id, s.recipient_id, (
        SELECT d.state FROM delivery d
        WHERE d.notice_id = ANY($3::uuid[]) AND d.notice_id = s.notice_id AND d.recipient_id = s.recipient_id
    ) AS state
    FROM staged s
), written AS (
    INSERT INTO delivery AS d ({_LIST}) SELECT {_LIST} FROM staged
    ON CONFLICT (notice_id, recipient_id) DO UPDATE SET {_CHANGED} WHERE d.state = ANY($1::text[])
    RETURNING d.notice_id, d.recipient_id, d.home_batch_id, d.state
), moved AS (
    SELECT w.home_batch_id, {_SHIFTS}
    FROM written w JOIN old o USING (notice_id, recipient_id) GROUP BY 1
), counted AS (
    UPDATE batch b SET {_ADDED} FROM moved m WHERE b.batch_id = m.home_batch_id AND b.batch_id = ANY($2::uuid[])
)
SELECT count(*) FROM written
"""
_FIND = f"""
SELECT {_LIST} FROM delivery
JOIN unnest($1::uuid[], $2::text[]) AS k (notice_id, recipient_id) USING (notice_id, recipient_id)
WHERE delivery.notice_id = ANY($1)
"""
_PAGE = f"""
SELECT {_LIST} FROM delivery
WHERE notice_id = $1 AND recipient_id > $2 AND ($3::text[] = '{{}}' OR state = ANY($3)) ORDER BY recipient_id LIMIT $4
"""
_HOMES = """
SELECT DISTINCT home_batch_id FROM delivery
JOIN unnest($1::uuid[], $2::text[]) AS k (notice_id, recipient_id) USING (notice_id, recipient_id)
WHERE delivery.notice_id = ANY($1)
"""
_UNKNOWN_IS_DUE = f"""state = 'unknown' AND next_attempt_at <= $1
      AND {workable("look-up", "notice_id || '-' || number")}"""
_TAKE_UNKNOWN = f"""
UPDATE delivery SET next_attempt_at = $2
WHERE (notice_id, recipient_id) IN (
    SELECT notice_id, recipient_id FROM delivery WHERE {_UNKNOWN_IS_DUE}
    ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING {_LIST}, clock_timestamp() - looked_at AS since_look
"""
ANY_UNKNOWN: Final = f"SELECT true FROM delivery WHERE {_UNKNOWN_IS_DUE} ORDER BY next_attempt_at LIMIT 1"
_LOOKED = "UPDATE delivery SET looked_at = clock_timestamp() WHERE notice_id = $1 AND recipient_id = $2"


async def record(tx: Connection, deliveries: Sequence[Delivery], *, only_from: frozenset[State] = OPEN) -> int:
    """Write deliveries and move their home batches' counts in the same statement. Return how many were written.

    One that has a row in a state outside `only_from` is left as it is: a receipt may have come first. The caller holds
    the locks of the home batches, or of the batch that is their home. Whoever relied on a recipient who was not told, or not
    on every contact, is looked at.
    """
    if not deliveries:
        return 0
    await tx.execute(_STAGE)
    rows = [astuple(each) for each in deliveries]
    await tx.copy_records_to_table("staged_delivery", records=rows, columns=_COLUMNS)
    written: int = await tx.fetchval(
        _MERGE,
        [state.value for state in only_from],
        list({each.home_batch_id for each in deliveries}),
        list({each.notice_id for each in deliveries}),
    )
    untold = [each.key for each in deliveries if each.state in _COVERS_NOBODY or each.told_devices]
    await cover.look_at_owners(tx, untold)
    return written


async def find(tx: Connection, keys: Sequence[DeliveryKey]) -> dict[DeliveryKey, Delivery]:
    """Read deliveries that have a row."""
    rows = [_delivery(row) for row in await tx.fetch(_FIND, *_parameters(keys))]
    return {row.key: row for row in rows}


async def lock(
    tx: Connection, keys: Sequence[DeliveryKey], *, homes: Collection[UUID] = ()
) -> dict[DeliveryKey, Delivery]:
    """Lock the home batches of deliveries, then read the deliveries: they stay as read until the transaction ends.

    `homes` are home batches to be locked beside those of the deliveries that have a row.
    """
    rows = await tx.fetch(_HOMES, *_parameters(keys))
    await batch.lock_many(tx, list({*homes, *(row["home_batch_id"] for row in rows)}))
    return await find(tx, keys)


async def take_unknown(
    tx: Connection, *, now: datetime, until: datetime, limit: int
) -> list[tuple[Delivery, timedelta | None]]:
    """Take unknown deliveries that are due, for a look-up: nobody else gets them before `until`.

    Each comes with the time since its first look on the database's clock, or None if that is not known.
    """
    rows = [dict(row) for row in await tx.fetch(_TAKE_UNKNOWN, now, until, limit)]
    return [(msgspec.convert(row, Delivery), row["since_look"]) for row in rows]


async def looked(tx: Connection, key: DeliveryKey) -> None:
    """Note on the database's clock that a look-up of a delivery ended now: workers' clocks may differ."""
    await tx.execute(_LOOKED, *key)


async def page(tx: Connection, notice_id: UUID, *, states: Collection[State], after: str, limit: int) -> list[Delivery]:
    """Read a notice's deliveries after a recipient, by recipient; of all states where `states` names none."""
    return [_delivery(row) for row in await tx.fetch(_PAGE, notice_id, after, list(states), limit)]


def _parameters(keys: Sequence[DeliveryKey]) -> tuple[list[UUID], list[str]]:
    return [notice_id for notice_id, _ in keys], [recipient_id for _, recipient_id in keys]


def _delivery(row: Row) -> Delivery:
    return msgspec.convert(dict(row), Delivery)
