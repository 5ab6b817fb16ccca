"""`import`: who imported what, written when it begins and again when it ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gridcare.postgres.database import Connection
from outage_notifier.contacts.core.import_line import ImportKind

_BEGIN = "INSERT INTO import (import_id, kind, made_by, begun_at) VALUES ($1, $2, $3, $4)"
_END = "UPDATE import SET ended_at = $2, digest = $3, kept = $4, refused = $5 WHERE import_id = $1"
_NEWEST = """
SELECT import_id, kind, made_by, begun_at, ended_at, digest, kept, refused FROM import
ORDER BY import_id DESC LIMIT $1
"""


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """An import; the last four are None of one that is under way or broke off. `digest` is the file's SHA-256."""

    import_id: UUID
    kind: ImportKind
    made_by: str
    begun_at: datetime
    ended_at: datetime | None
    digest: bytes | None
    kept: int | None
    refused: int | None


async def begin(tx: Connection, import_id: UUID, kind: ImportKind, *, made_by: str, now: datetime) -> None:
    """Note that an import begins."""
    await tx.execute(_BEGIN, import_id, kind, made_by, now)


async def end(tx: Connection, import_id: UUID, *, digest: bytes, kept: int, refused: int, now: datetime) -> None:
    """Note what became of an import."""
    await tx.execute(_END, import_id, now, digest, kept, refused)


async def newest(tx: Connection, *, limit: int) -> Sequence[ImportRecord]:
    """Return the newest imports, the newest first."""
    return [ImportRecord(**row) for row in await tx.fetch(_NEWEST, limit)]
