"""`batch`: the ledger that senders work from. A Kafka record only hints at a row here."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from gridcare.events.notices import Channel, Lane
from gridcare.events.topics import CHANNELS, LANES
from gridcare.postgres.database import Connection
from gridcare.postgres.poison.store import workable
from outage_notifier.ledger.core.batch import ClaimedBatch, Hint, NewBatch
from outage_notifier.ledger.core.delivery import OPEN, RECORDED
from outage_notifier.ledger.core.member import Member

_NOTICE_OF_MEMBER: Final = Member.__struct_fields__.index("notice_id")
_INSERT = f"""
INSERT INTO batch (batch_id, notice_id, home, channel, lane, members, size, state, useful_until)
SELECT b, n, h, c, l, m, s, CASE WHEN c = 'none' THEN 'settled' ELSE 'ready' END, CASE WHEN n IS NOT NULL
    THEN (SELECT useful_until FROM notice WHERE notice_id = n)
    ELSE (SELECT min(o.useful_until) FROM jsonb_array_elements(m) AS e
          JOIN notice o ON o.notice_id = (e ->> {_NOTICE_OF_MEMBER})::uuid)
END
FROM unnest($1::uuid[], $2::uuid[], $3::bool[], $4::text[], $5::text[], $6::jsonb[], $7::int[]) AS t (b, n, h, c, l, m, s)
"""
_WORKABLE = workable("batch", "batch_id::text")
_CLAIM = f"""
UPDATE batch SET attempt = attempt + 1, lease_until = clock_timestamp() + make_interval(secs => $2)
WHERE batch_id = $1 AND state = 'ready' AND (lease_until IS NULL OR lease_until < clock_timestamp())
  AND ($3 OR NOT EXISTS (SELECT FROM breaker r WHERE r.channel = batch.channel AND r.opened_at IS NOT NULL))
  AND {_WORKABLE}
RETURNING batch_id, notice_id, home, channel, lane, attempt AS claim_number, members
"""
_RENEW = """
UPDATE batch SET lease_until = clock_timestamp() + make_interval(secs => $3)
WHERE batch_id = $1 AND attempt = $2 AND state = 'ready'
RETURNING (SELECT superseded_at IS NOT NULL FROM notice n WHERE n.notice_id = batch.notice_id) AS superseded,
    EXISTS (SELECT FROM breaker r WHERE r.channel = batch.channel AND r.opened_at IS NOT NULL) AS stopped
"""
_LOCK = "SELECT FROM batch WHERE batch_id = $1 AND attempt = $2 AND state = 'ready' FOR UPDATE"
_LOCK_MANY = "SELECT FROM batch WHERE batch_id = ANY($1::uuid[]) ORDER BY batch_id FOR UPDATE"
_LOCK_FOLLOW_UPS = """
SELECT batch_id FROM batch WHERE batch_id = ANY($1::uuid[]) AND NOT home ORDER BY batch_id FOR UPDATE
"""
_SETTLE = f"""
UPDATE batch SET state = 'settled', settled_at = now(), lease_until = NULL
WHERE batch_id = $1 AND CASE WHEN home THEN {" + ".join(RECORDED)} = size ELSE NOT EXISTS (
    SELECT FROM delivery d
    WHERE d.follow_up_batch_id = batch.batch_id AND d.next_attempt_at IS NULL AND d.state = ANY($2::text[])) END
"""
_RELEASE = "UPDATE batch SET lease_until = NULL, hinted_at = '-infinity' WHERE batch_id = $1 AND attempt = $2 AND state = 'ready'"
_WAKE = """
UPDATE batch SET hinted_at = '-infinity' WHERE batch_id IN (
    SELECT batch_id FROM batch WHERE channel = $1 AND state = 'ready' AND (lease_until IS NULL OR lease_until < now())
    FOR UPDATE SKIP LOCKED)
"""
_STOPPED_IS_DUE = f"""
state = 'ready' AND stopped_look_at <= $1 AND (lease_until IS NULL OR lease_until < clock_timestamp())
AND {workable("fall-back", "batch_id::text")}
"""
_PARKED_IS_OVER = f"""
poison p JOIN batch ON batch.batch_id = p.item_id::uuid
WHERE p.kind = 'batch' AND p.parked_at IS NOT NULL AND useful_until <= $1 AND {_STOPPED_IS_DUE}
"""
ANY_STOPPED: Final = f"""
(SELECT true FROM breaker r CROSS JOIN LATERAL (
    SELECT FROM batch WHERE batch.channel = r.channel AND {_STOPPED_IS_DUE} LIMIT 1) AS stopped
WHERE r.opened_at IS NOT NULL LIMIT 1)
UNION ALL (SELECT true FROM {_PARKED_IS_OVER} LIMIT 1) LIMIT 1
"""
_FIND_STOPPED = f"""
SELECT batch_id FROM batch WHERE channel = ANY($2::text[]) AND {_STOPPED_IS_DUE}
ORDER BY batch_id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_FIND_PARKED = f"SELECT batch_id FROM {_PARKED_IS_OVER} ORDER BY batch_id LIMIT 1 FOR UPDATE OF batch SKIP LOCKED"
_TAKE_STOPPED = """
UPDATE batch SET attempt = attempt + 1 WHERE batch_id = $1
RETURNING batch_id, notice_id, home, channel, lane, attempt AS claim_number, members
"""
_LOOK_AGAIN = "UPDATE batch SET stopped_look_at = $2 WHERE batch_id = $1"
_NEXT = f"""
SELECT batch_id FROM batch
WHERE state = 'ready' AND channel = $1 AND lane = $2 AND (lease_until IS NULL OR lease_until < clock_timestamp())
  AND {_WORKABLE} AND NOT EXISTS (SELECT FROM breaker r WHERE r.channel = $1 AND r.opened_at IS NOT NULL)
ORDER BY useful_until, batch_id LIMIT 1
"""
IS_FREE: Final = f"state = 'ready' AND (lease_until IS NULL OR lease_until < now()) AND {_WORKABLE}"
IS_UNHEARD: Final = f"{IS_FREE} AND hinted_at < now() - make_interval(secs => $1)"
_UNHEARD = f"""
SELECT k.channel, k.lane FROM unnest($2::text[], $3::text[]) AS k (channel, lane)
WHERE EXISTS (SELECT FROM batch WHERE batch.channel = k.channel AND batch.lane = k.lane AND {IS_UNHEARD})
"""
_SILENT = f"""
state = 'ready' AND (lease_until IS NULL OR lease_until < now())
AND hinted_at < now() - least(make_interval(secs => {{silent_s}}) * (1 << least(hints - 1, 10)), interval '1 hour')
AND {_WORKABLE} AND {workable("hint", "batch_id::text")}
"""
_TAKE_SILENT = f"""
SELECT batch_id FROM batch WHERE {_SILENT.format(silent_s="$1")} ORDER BY hinted_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_HINT_AGAIN = """
UPDATE batch SET hints = hints + 1, hinted_at = now() WHERE batch_id = ANY($1::uuid[])
RETURNING batch_id, channel, lane, hints AS number
"""
ANY_LEASED: Final = "SELECT true FROM batch WHERE state = 'ready' AND lease_until > clock_timestamp() LIMIT 1"
_DECODER = msgspec.json.Decoder(tuple[Member, ...])


@dataclass(frozen=True, slots=True)
class Renewed:
    """What a renewal finds out: whether the batch's notice was superseded (False if it has none), or its channel stopped."""

    superseded: bool
    stopped: bool


async def insert(tx: Connection, batches: Sequence[NewBatch]) -> None:
    """Write batches with their members; one of channel `none` is settled at once."""
    if not batches:
        return
    await tx.execute(
        _INSERT,
        [b.batch_id for b in batches],
        [b.notice_id for b in batches],
        [b.home for b in batches],
        [b.channel for b in batches],
        [b.lane for b in batches],
        [msgspec.json.encode(b.members).decode() for b in batches],
        [len(b.members) for b in batches],
    )


async def claim(tx: Connection, batch_id: UUID, *, lease_s: float, probes: bool = False) -> ClaimedBatch | None:
    """Take a batch under a lease on the database's clock.

    Return None if it is settled or leased elsewhere, or if its channel is stopped: then only one who `probes` gets it.
    """
    row = await tx.fetchrow(_CLAIM, batch_id, lease_s, probes)
    return ClaimedBatch(**{**row, "members": _DECODER.decode(row["members"])}) if row is not None else None


async def next_waiting(connection: Connection, channel: Channel, lane: Lane) -> UUID | None:
    """Find the free batch of a lane whose use ends first. Return None if there is none, or if the channel is stopped."""
    batch_id: UUID | None = await connection.fetchval(_NEXT, channel, lane)
    return batch_id


async def unheard(connection: Connection, *, silent_s: float) -> list[tuple[Channel, Lane]]:
    """Find where a free batch waits though its last hint is `silent_s` old, urgent lanes first. One statement."""
    pairs: list[tuple[Channel, Lane]] = [(channel, lane) for lane in LANES for channel in CHANNELS]
    rows = await connection.fetch(_UNHEARD, silent_s, [pair[0] for pair in pairs], [pair[1] for pair in pairs])
    found = {tuple(row) for row in rows}
    return [pair for pair in pairs if pair in found]


async def renew(tx: Connection, batch_id: UUID, claim_number: int, *, lease_s: float) -> Renewed | None:
    """Renew a lease. Return what is new, or None if the lease is lost."""
    row = await tx.fetchrow(_RENEW, batch_id, claim_number, lease_s)
    return None if row is None else Renewed(superseded=bool(row["superseded"]), stopped=row["stopped"])


async def lock(tx: Connection, batch_id: UUID, claim_number: int) -> bool:
    """Lock a batch at its claim number. Return False if another sender claimed it; nothing may be written then."""
    return await tx.fetchrow(_LOCK, batch_id, claim_number) is not None


async def lock_many(tx: Connection, batch_ids: Sequence[UUID]) -> None:
    """Lock batches, in the order that everybody keeps and before their deliveries, so that there are no deadlocks."""
    await tx.execute(_LOCK_MANY, list(batch_ids))


async def lock_follow_ups(tx: Connection, batch_ids: Collection[UUID]) -> set[UUID]:
    """Lock those of the batches that are follow-ups, and return them: always before home batches, as their senders do."""
    return {row["batch_id"] for row in await tx.fetch(_LOCK_FOLLOW_UPS, list(batch_ids))}


async def settle(tx: Connection, batch_id: UUID) -> bool:
    """Mark a batch as needing no sender any more; the caller holds its lock.

    Return False, and write nothing, while a member was not sent, or not recorded: in a home batch it has no row, in a
    follow-up batch its row is open and without a due time.
    """
    tag: str = await tx.execute(_SETTLE, batch_id, [state.value for state in OPEN])
    return tag == "UPDATE 1"


async def release(tx: Connection, batch_id: UUID, claim_number: int) -> None:
    """Release a lease before its end; the next hint is due at once."""
    await tx.execute(_RELEASE, batch_id, claim_number)


async def wake(tx: Connection, channel: Channel) -> None:
    """Make hints due at once for the batches of a channel that goes on again."""
    await tx.execute(_WAKE, channel)


async def find_stopped(tx: Connection, channels: Sequence[Channel], *, now: datetime) -> UUID | None:
    """Lock a batch that waits for one of the stopped channels, or is parked and over, and is due to be looked at.

    Return None if there is none.
    """
    batch_id: UUID | None = await tx.fetchval(_FIND_STOPPED, now, channels) if channels else None
    return batch_id or await tx.fetchval(_FIND_PARKED, now)


async def take_stopped(tx: Connection, batch_id: UUID) -> ClaimedBatch:
    """Take a batch that the caller holds under a claim number of its own."""
    [row] = await tx.fetch(_TAKE_STOPPED, batch_id)
    return ClaimedBatch(**{**row, "members": _DECODER.decode(row["members"])})


async def look_again(tx: Connection, batch_id: UUID, *, at: datetime) -> None:
    """Note when a batch that waits for a stopped channel, or is parked, is looked at again."""
    await tx.execute(_LOOK_AGAIN, batch_id, at)


def any_silent(silent_s: float) -> str:
    """Return the query that finds whether there is a batch to be hinted at again."""
    return f"SELECT true FROM batch WHERE {_SILENT.format(silent_s=float(silent_s))} ORDER BY hinted_at LIMIT 1"


async def take_silent(tx: Connection, *, silent_s: float, limit: int) -> list[UUID]:
    """Lock unsettled batches that nobody holds and that are to be hinted at again.

    The first hint comes when a batch was silent for `silent_s`, each further one after twice the pause, up to an hour:
    senders find batches without hints too.
    """
    return [row["batch_id"] for row in await tx.fetch(_TAKE_SILENT, silent_s, limit)]


async def hint_again(tx: Connection, batch_ids: Sequence[UUID]) -> list[Hint]:
    """Count a new hint for each batch, and return the hints."""
    return [Hint(**row) for row in await tx.fetch(_HINT_AGAIN, batch_ids)]
