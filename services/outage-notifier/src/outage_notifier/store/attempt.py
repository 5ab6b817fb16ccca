"""`attempt`: every provider call; written before an SMS, after a push."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gridcare.postgres.database import Connection


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call; `place` is the contact's place among all contacts of the batch's members."""

    batch_id: UUID
    place: int
    try_: int
    notice_id: UUID
    recipient_id: str
    channel: str
    contact_id: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str | None = None
    error_code: str | None = None
    provider_message_id: str | None = None
    body_hash: bytes | None = None


_COLUMNS = ("batch_id", "place", "try", *Attempt.__slots__[3:])
_COMPLETE = """
UPDATE attempt a SET ended_at = c.ended_at, outcome = c.outcome, error_code = c.error_code,
    provider_message_id = c.provider_message_id
FROM unnest($2::int[], $3::int[], $4::timestamptz[], $5::text[], $6::text[], $7::text[])
    AS c (place, try, ended_at, outcome, error_code, provider_message_id)
WHERE a.batch_id = $1 AND a.place = c.place AND a.try = c.try AND a.outcome IS NULL
"""
_IN_DOUBT = "SELECT notice_id, recipient_id FROM attempt WHERE batch_id = $1 AND outcome IS DISTINCT FROM 'retry'"


async def insert(tx: Connection, attempts: Sequence[Attempt]) -> None:
    """Write attempts, complete (a push) or open (an SMS that is about to be sent)."""
    rows = [tuple(getattr(a, name) for name in Attempt.__slots__) for a in attempts]
    await tx.copy_records_to_table("attempt", records=rows, columns=_COLUMNS)


async def complete(tx: Connection, batch_id: UUID, attempts: Sequence[Attempt]) -> None:
    """Write the ends of attempts that are still open: a callback may have completed one before."""
    await tx.execute(
        _COMPLETE,
        batch_id,
        [a.place for a in attempts],
        [a.try_ for a in attempts],
        [a.ended_at for a in attempts],
        [a.outcome for a in attempts],
        [a.error_code for a in attempts],
        [a.provider_message_id for a in attempts],
    )


async def in_doubt(tx: Connection, batch_id: UUID) -> set[tuple[UUID, str]]:
    """Give the deliveries for which this batch made a call that the provider may have taken.

    One of them that was not recorded was under way when its sender died: it must not be sent again blindly.
    """
    return {(row[0], row[1]) for row in await tx.fetch(_IN_DOUBT, batch_id)}
