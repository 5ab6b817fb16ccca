"""`breaker`: whether a channel is stopped by a fault of ours, what is usual on it, and who may probe it when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gridcare.events.notices import Channel
from gridcare.events.topics import CHANNELS
from gridcare.postgres.database import Connection
from gridcare.postgres.poison.store import workable
from outage_notifier.ledger.core.breaker import ChannelHistory
from outage_notifier.ledger.store.batch import IS_FREE, IS_UNHEARD

_KNOWN = f"channel = ANY(ARRAY{list(CHANNELS)})"
"""Another release may know more channels."""

_PROBE_IS_DUE = f"coalesce(probe_at <= clock_timestamp(), false) AND {workable('probe', 'channel')}"
_READ = f"""
SELECT channel, opened_at, reason, {_PROBE_IS_DUE} AS probe_due, usual_lost / usual_calls AS usual_share
FROM breaker WHERE {_KNOWN} ORDER BY channel
"""
_LOOK = f"""
SELECT channel, opened_at IS NOT NULL AS stopped, {_PROBE_IS_DUE} AND (
        SELECT true FROM batch WHERE batch.channel = r.channel AND {IS_FREE} ORDER BY useful_until LIMIT 1
    ) IS NOT NULL AS probe_due,
    (SELECT true FROM batch WHERE batch.channel = r.channel AND {IS_UNHEARD} ORDER BY hinted_at LIMIT 1) IS NOT NULL AS unheard
FROM breaker r WHERE {_KNOWN} ORDER BY channel
"""
_LOCK_HISTORY = "SELECT usual_calls, usual_lost, suspicion, witnesses FROM breaker WHERE channel = $1 FOR UPDATE"
_SAVE_HISTORY = """
UPDATE breaker SET usual_calls = $2, usual_lost = $3, suspicion = $4, witnesses = $5 WHERE channel = $1
"""
_OPEN = """
UPDATE breaker SET opened_at = $2, reason = $3, probe_at = clock_timestamp() + make_interval(secs => $4)
WHERE channel = $1 AND opened_at IS NULL
"""
_CLOSE = """
UPDATE breaker SET opened_at = NULL, reason = NULL, probe_at = NULL, suspicion = 0, witnesses = '{}'
WHERE channel = $1 AND opened_at IS NOT NULL
"""
_LOCK_PROBE = """
SELECT FROM breaker WHERE channel = $1 AND probe_at <= clock_timestamp() FOR UPDATE SKIP LOCKED
"""
_PROBED = "UPDATE breaker SET probe_at = clock_timestamp() + make_interval(secs => $2) WHERE channel = $1"
# Least often claimed first: a batch whose contacts are all lost is refused by every probe, and would keep the channel stopped.
_FIRST = f"""
SELECT b.batch_id FROM batch b LEFT JOIN notice n USING (notice_id)
WHERE b.state = 'ready' AND b.channel = $1 AND (b.lease_until IS NULL OR b.lease_until < clock_timestamp())
  AND {workable("batch", "b.batch_id::text")}
ORDER BY b.attempt, array_position(ARRAY['urgent', 'transactional', 'bulk'], b.lane), n.useful_until NULLS FIRST, b.batch_id
LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class BreakerState:
    """A channel's breaker: since when it is open and why, None while it is closed; `usual_share` of contacts is usually lost."""

    channel: Channel
    opened_at: datetime | None
    reason: str | None
    probe_due: bool
    usual_share: float


@dataclass(frozen=True, slots=True)
class ChannelLook:
    """A look at a channel: whether it is stopped, a batch waits that a probe is due of, and one whose last hint is old."""

    channel: Channel
    stopped: bool
    probe_due: bool
    unheard: bool


async def look(connection: Connection, *, silent_s: float) -> list[ChannelLook]:
    """Look at all channels in one statement; a hint that is `silent_s` old is an old one."""
    return [ChannelLook(**row) for row in await connection.fetch(_LOOK, silent_s)]


async def read(connection: Connection) -> Mapping[Channel, BreakerState]:
    """Read the breakers of all channels."""
    rows = await connection.fetch(_READ)
    return {row["channel"]: BreakerState(**row) for row in rows}


async def lock_history(tx: Connection, channel: Channel) -> ChannelHistory:
    """Lock what a channel's calls said so far, to be judged and saved in this transaction."""
    [row] = await tx.fetch(_LOCK_HISTORY, channel)
    return ChannelHistory(**row)


async def save_history(tx: Connection, channel: Channel, history: ChannelHistory) -> None:
    """Save what a channel's calls said so far."""
    saved = history.usual_calls, history.usual_lost, history.suspicion, history.witnesses
    await tx.execute(_SAVE_HISTORY, channel, *saved)


async def open_breaker(tx: Connection, channel: Channel, reason: str, *, now: datetime, pause_s: float) -> bool:
    """Stop a channel; the first probe is due after a pause. Return False if it was stopped before."""
    tag: str = await tx.execute(_OPEN, channel, now, reason, pause_s)
    return tag == "UPDATE 1"


async def close_breaker(tx: Connection, channel: Channel) -> bool:
    """Let a channel go on. Return False if it was not stopped."""
    tag: str = await tx.execute(_CLOSE, channel)
    return tag == "UPDATE 1"


async def take_probe(tx: Connection, channel: Channel, *, pause_s: float) -> UUID | None:
    """Choose the batch that a due probe takes: of those least often claimed urgent ones first, then by deadline.

    The next probe is due after a pause.

    Return None if no probe is due, another sender takes it, or no batch waits that may be claimed now.
    """
    if await tx.fetchrow(_LOCK_PROBE, channel) is None:
        return None
    batch_id: UUID | None = await tx.fetchval(_FIRST, channel)
    if batch_id is not None:
        await tx.execute(_PROBED, channel, pause_s)
    return batch_id
