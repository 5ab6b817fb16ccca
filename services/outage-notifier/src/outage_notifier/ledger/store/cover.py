"""`cover`: who relies on whom to be told, on which contact."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from gridcare.postgres.database import Connection, Row
from gridcare.postgres.poison.store import workable
from outage_notifier.ledger.core.cover import Cover
from outage_notifier.ledger.core.delivery import DeliveryKey

NAME_OF_DELIVERY: Final = "notice_id || '-' || recipient_id"
"""The SQL of a delivery's name as the guard knows it (`name_of`)."""

_ADD = """
INSERT INTO cover (notice_id, recipient_id, covered_by, channel, contact_key, look_at)
SELECT n, r, b, c, k, $6 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[]) AS t (n, r, b, c, k)
ON CONFLICT (notice_id, recipient_id) DO UPDATE SET covered_by = excluded.covered_by, channel = excluded.channel,
    contact_key = excluded.contact_key, look_at = excluded.look_at
"""
_LOOK_AT_OWNERS = """
UPDATE cover c SET look_at = '-infinity'
FROM unnest($1::uuid[], $2::text[]) AS k (notice_id, recipient_id)
WHERE c.notice_id = k.notice_id AND c.covered_by = k.recipient_id
"""
_COLUMNS = "notice_id, recipient_id, covered_by, channel, contact_key"
_IS_DUE = f"look_at <= $1 AND {workable('cover', NAME_OF_DELIVERY)}"
_DUE = f"SELECT {_COLUMNS} FROM cover WHERE {_IS_DUE} ORDER BY look_at LIMIT $2"
ANY_DUE: Final = f"SELECT true FROM cover WHERE {_IS_DUE} ORDER BY look_at LIMIT 1"
_STILL_DUE = f"""
SELECT {_COLUMNS} FROM cover JOIN unnest($1::uuid[], $2::text[]) AS k (notice_id, recipient_id)
    USING (notice_id, recipient_id)
WHERE look_at <= $3 FOR UPDATE OF cover
"""
# A receipt's key begins with the message that it is about: nothing else of a receipt can be read without opening it.
_TEXTED = """
SELECT c.notice_id, c.recipient_id FROM cover c
JOIN unnest($1::uuid[], $2::text[]) AS k (notice_id, recipient_id) USING (notice_id, recipient_id)
WHERE c.channel = 'sms' AND EXISTS (
    SELECT FROM attempt a JOIN phone p ON p.phone_id = a.contact_id::bigint
    WHERE a.notice_id = c.notice_id AND a.recipient_id = c.covered_by AND a.channel = 'sms'
      AND a.provider_message_id IS NOT NULL AND p.number_index = c.contact_key
      AND (EXISTS (SELECT FROM receipt r WHERE r.source = 'twilio' AND r.dedup_key = a.provider_message_id || ':delivered')
        OR NOT EXISTS (SELECT FROM receipt r WHERE r.source = 'twilio' AND r.dedup_key IN (
            a.provider_message_id || ':failed', a.provider_message_id || ':undelivered', a.provider_message_id || ':canceled'))))
"""
_LATER = """
UPDATE cover c SET look_at = k.look_at
FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS k (notice_id, recipient_id, look_at)
WHERE c.notice_id = k.notice_id AND c.recipient_id = k.recipient_id
"""
_REMOVE = """
DELETE FROM cover c USING unnest($1::uuid[], $2::text[]) AS k (notice_id, recipient_id)
WHERE c.notice_id = k.notice_id AND c.recipient_id = k.recipient_id
"""


async def add(tx: Connection, covers: Sequence[Cover], *, look_at: datetime) -> None:
    """Write covers, to be looked at from then on."""
    if covers:
        rows = [(c.notice_id, c.recipient_id, c.covered_by, c.channel, c.contact_key) for c in covers]
        await tx.execute(_ADD, *(list(column) for column in zip(*rows, strict=True)), look_at)


async def look_at_owners(tx: Connection, owners: Sequence[DeliveryKey]) -> None:
    """Have the covers that rely on these deliveries looked at, since their recipients may not have been told."""
    if owners:
        await tx.execute(_LOOK_AT_OWNERS, *_parameters(owners))


async def due(tx: Connection, *, now: datetime, limit: int) -> list[Cover]:
    """Find covers that are to be looked at; unlocked, so look again under the locks of their deliveries."""
    return [_cover(row) for row in await tx.fetch(_DUE, now, limit)]


async def still_due(tx: Connection, keys: Sequence[DeliveryKey], *, now: datetime) -> list[Cover]:
    """Lock those of the covers that are still to be looked at."""
    return [_cover(row) for row in await tx.fetch(_STILL_DUE, *_parameters(keys), now)]


async def texted(tx: Connection, keys: Sequence[DeliveryKey]) -> set[DeliveryKey]:
    """Find the covers on whose number the owner was sent an SMS that did not fail."""
    return {(row["notice_id"], row["recipient_id"]) for row in await tx.fetch(_TEXTED, *_parameters(keys))}


async def look_again(tx: Connection, times: Mapping[DeliveryKey, datetime | None]) -> None:
    """Put covers off, each to its time; None: until something becomes of their owners."""
    await tx.execute(_LATER, *_parameters(times), list(times.values()))


async def remove(tx: Connection, keys: Collection[DeliveryKey]) -> None:
    """Remove the covers of recipients who are not covered any more."""
    await tx.execute(_REMOVE, *_parameters(keys))


def _parameters(keys: Collection[DeliveryKey]) -> tuple[list[object], list[str]]:
    return [notice_id for notice_id, _ in keys], [recipient_id for _, recipient_id in keys]


def _cover(row: Row) -> Cover:
    return Cover(**row)
