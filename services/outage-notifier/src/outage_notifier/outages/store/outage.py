"""`outage` and `outage_revision`: cuts, and every state that each was in."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from gridcare.postgres.database import Connection, Row
from outage_notifier.outages.core.outage import Change, Outage, OutageDocument, OutageState, Revision

_COLUMNS = "outage_id, kind, status, revision, version, document, created_by, created_at, updated_at"
_READ = _COLUMNS.replace("status", "status AS state")
_SAVE = f"""
INSERT INTO outage ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (outage_id) DO UPDATE
SET status = excluded.status, revision = excluded.revision, version = excluded.version, document = excluded.document,
    updated_at = excluded.updated_at
"""
_KEEP = """
INSERT INTO outage_revision (outage_id, revision, action, document, reason, made_by, made_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_FIND = f"SELECT {_READ} FROM outage WHERE outage_id = $1"
_LOCK = f"{_FIND} FOR UPDATE"
_PAGE = f"""
SELECT {_READ} FROM outage
WHERE ($1::text[] = '{{}}' OR status = ANY($1)) AND (updated_at, outage_id) < ($2, $3)
ORDER BY updated_at DESC, outage_id DESC LIMIT $4
"""
_REVISIONS = """
SELECT revision, action, document, reason, made_by, made_at FROM outage_revision
WHERE outage_id = $1 AND revision > $2 ORDER BY revision LIMIT $3
"""

_DECODER = msgspec.json.Decoder(OutageDocument)

Position = tuple[datetime, UUID]
"""Where a page of outages starts: after this update of this outage."""


async def save(tx: Connection, change: Change, *, by: str, reason: str) -> None:
    """Save an outage after a change, and the revision that the change made."""
    outage = change.after
    document = msgspec.json.encode(outage.document).decode()
    await tx.execute(
        _SAVE,
        *(outage.outage_id, outage.kind, outage.state, outage.revision, outage.version, document),
        *(outage.created_by, outage.created_at, outage.updated_at),
    )
    await tx.execute(_KEEP, outage.outage_id, outage.revision, change.action, document, reason, by, outage.updated_at)


async def find(connection: Connection, outage_id: UUID) -> Outage | None:
    """Return an outage, or None."""
    row = await connection.fetchrow(_FIND, outage_id)
    return _outage(row) if row else None


async def lock(tx: Connection, outage_id: UUID) -> Outage | None:
    """Return an outage and hold it until the transaction ends, so that its changes come one after another."""
    row = await tx.fetchrow(_LOCK, outage_id)
    return _outage(row) if row else None


async def page(
    connection: Connection, *, states: Collection[OutageState], before: Position, limit: int
) -> list[Outage]:
    """Return outages, the newest change first; of all states where `states` names none."""
    return [_outage(row) for row in await connection.fetch(_PAGE, list(states), before[0], before[1], limit)]


async def revisions(connection: Connection, outage_id: UUID, *, after: int, limit: int) -> Sequence[Revision]:
    """Return an outage's revisions, the oldest first."""
    rows = await connection.fetch(_REVISIONS, outage_id, after, limit)
    return [Revision(**{**row, "document": _DECODER.decode(row["document"])}) for row in rows]


def _outage(row: Row) -> Outage:
    return Outage(**{**row, "document": _DECODER.decode(row["document"])})
