"""`attempt`: every provider call; written before an SMS, after a push.

Partitioned by month of the batch: `batch_id = ANY(…)` beside a join leaves the other months alone. `sms_message`, which a
trigger writes, says which attempt a provider's message belongs to.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec.structs import astuple

from gridcare.postgres.database import Connection, Row
from outage_notifier.ledger.core.attempt import Attempt, AttemptName
from outage_notifier.ledger.core.delivery import DeliveryKey

_COLUMN_OF = {"contact_number": "place", "try_": "try"}
_COLUMNS = tuple(_COLUMN_OF.get(name, name) for name in Attempt.__struct_fields__)
_COMPLETE = """
UPDATE attempt a SET ended_at = c.ended_at, outcome = c.outcome, error_code = c.error_code,
    provider_message_id = c.provider_message_id
FROM unnest($2::int[], $3::int[], $4::timestamptz[], $5::text[], $6::text[], $7::text[])
    AS c (place, try, ended_at, outcome, error_code, provider_message_id)
WHERE a.batch_id = $1 AND a.place = c.place AND a.try = c.try AND a.outcome IS NULL
"""
_SELECT = """
SELECT a.batch_id, a.place AS contact_number, a.try AS try_, a.notice_id, a.recipient_id, a.channel, a.contact_id,
       a.started_at, a.ended_at,
    a.outcome, a.error_code, a.provider_message_id, a.body_hash, a.not_before
FROM attempt a
"""
_NAMED = f"""
{_SELECT} JOIN unnest($1::uuid[], $2::int[], $3::int[]) AS k (batch_id, place, try) USING (batch_id, place, try)
WHERE a.batch_id = ANY($1) AND a.channel = 'sms'
"""
_OF_MESSAGES = f"""
{_SELECT} JOIN sms_message m USING (batch_id, place, try) WHERE m.message_id = ANY($1::text[])
"""
_UNRESOLVED = f"""
SELECT DISTINCT ON (notice_id, recipient_id) * FROM (
    {_SELECT} JOIN unnest($1::uuid[], $2::text[]) AS k (notice_id, recipient_id) USING (notice_id, recipient_id)
    WHERE a.channel = 'sms' AND (a.outcome IS NULL OR a.outcome = 'unknown' OR a.provider_message_id IS NOT NULL)
) AS open_ones ORDER BY notice_id, recipient_id, started_at DESC
"""
_UNBIND = """
UPDATE attempt a SET provider_message_id = NULL
FROM unnest($1::uuid[], $2::int[], $3::int[], $4::text[]) AS k (batch_id, place, try, message_id)
JOIN sms_message m USING (message_id)
WHERE (a.batch_id, a.place, a.try) = (m.batch_id, m.place, m.try)
  AND (m.batch_id, m.place, m.try) <> (k.batch_id, k.place, k.try)
"""
_BIND = """
UPDATE attempt a SET provider_message_id = k.message_id, outcome = coalesce(a.outcome, 'accepted'),
    ended_at = coalesce(a.ended_at, $5)
FROM unnest($1::uuid[], $2::int[], $3::int[], $4::text[]) AS k (batch_id, place, try, message_id)
WHERE a.batch_id = ANY($1) AND a.batch_id = k.batch_id AND a.place = k.place AND a.try = k.try
  AND a.provider_message_id IS NULL
"""
_NOT_CREATED = """
UPDATE attempt SET outcome = 'unknown', ended_at = $4, error_code = 'not-created'
WHERE batch_id = $1 AND place = $2 AND try = $3 AND outcome IS NULL
"""
_FORGET_MESSAGES = """
DELETE FROM sms_message WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM sms_message WHERE bound_at < $1 ORDER BY bound_at LIMIT $2))
"""
_IN_DOUBT = """
SELECT notice_id, recipient_id FROM attempt
WHERE batch_id = $1 AND (outcome IS NULL OR outcome NOT IN ('retry', 'misconfigured', 'refused'))
"""


async def insert(tx: Connection, attempts: Sequence[Attempt]) -> None:
    """Write attempts: ended ones (pushes), or ones that are about to begin (SMS)."""
    rows = [astuple(each) for each in attempts]
    await tx.copy_records_to_table("attempt", records=rows, columns=_COLUMNS)


async def complete(tx: Connection, batch_id: UUID, attempts: Sequence[Attempt]) -> None:
    """Write the ends of attempts that are still open: a callback may have completed one before."""
    await tx.execute(
        _COMPLETE,
        batch_id,
        [a.contact_number for a in attempts],
        [a.try_ for a in attempts],
        [a.ended_at for a in attempts],
        [a.outcome for a in attempts],
        [a.error_code for a in attempts],
        [a.provider_message_id for a in attempts],
    )


async def in_doubt(tx: Connection, batch_id: UUID) -> frozenset[DeliveryKey]:
    """Find the deliveries for which this batch made a call that the provider may have taken.

    Any that was not recorded was under way when its sender died, and must not be sent again blindly.
    """
    return frozenset((row["notice_id"], row["recipient_id"]) for row in await tx.fetch(_IN_DOUBT, batch_id))


async def named(tx: Connection, names: Sequence[AttemptName]) -> dict[AttemptName, Attempt]:
    """Read SMS attempts by their names."""
    calls = [_attempt(row) for row in await tx.fetch(_NAMED, *_keys(names))]
    return {call.name: call for call in calls}


async def of_messages(tx: Connection, message_ids: Sequence[str]) -> dict[str, Attempt]:
    """Read the SMS attempts to which the provider's messages are bound, by message id."""
    rows = await tx.fetch(_OF_MESSAGES, list(message_ids))
    return {row["provider_message_id"]: _attempt(row) for row in rows}


async def unresolved(tx: Connection, keys: Sequence[DeliveryKey]) -> dict[DeliveryKey, Attempt]:
    """Read, for each delivery, the newest attempt that may have been taken: one without a known end, or with a message bound."""
    rows = await tx.fetch(_UNRESOLVED, [key[0] for key in keys], [key[1] for key in keys])
    calls = [_attempt(row) for row in rows]
    return {call.delivery_key: call for call in calls}


async def bind(tx: Connection, bindings: Mapping[AttemptName, str], *, now: datetime) -> None:
    """Bind messages to the attempts that made them, and complete those that are open.

    A message that was bound to another attempt is taken from it, since the address of a callback is surer than a look-up. An
    attempt that has a message keeps it.
    """
    columns = _keys(list(bindings))
    await tx.execute(_UNBIND, *columns, list(bindings.values()))
    await tx.execute(_BIND, *columns, list(bindings.values()), now)


async def not_created(tx: Connection, name: AttemptName, *, now: datetime) -> None:
    """Complete an attempt that is still open: its message is certainly not there."""
    await tx.execute(_NOT_CREATED, name.batch_id, name.contact_number, name.try_, now)


async def forget_messages(tx: Connection, *, before: datetime, limit: int) -> int:
    """Forget which attempts messages belonged to that were bound before a time, and return how many."""
    tag: str = await tx.execute(_FORGET_MESSAGES, before, limit)
    return int(tag.split()[1])


def _keys(names: Sequence[AttemptName]) -> tuple[list[UUID], list[int], list[int]]:
    """Return the statements' parameters $1 to $3."""
    return [name.batch_id for name in names], [name.contact_number for name in names], [name.try_ for name in names]


def _attempt(row: Row) -> Attempt:
    return msgspec.convert(dict(row), Attempt)
