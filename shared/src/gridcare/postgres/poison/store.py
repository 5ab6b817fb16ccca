"""Table `poison`: how often a piece of work failed, and what is parked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gridcare.postgres.database import Connection

TRIES_MAX: Final = 5
"""Work that failed this often is parked."""

PAUSE_FIRST_S: Final = 10
"""The pause after a failure; it doubles with each: 10, 20, 40, 80 s, so that poison is parked within three minutes."""

KEPT_DAYS: Final = 7
"""How long the count of work is kept that neither failed again nor was parked."""

_BEGIN: Final = f"""
INSERT INTO poison AS known (kind, item_id, tries, progress)
SELECT $1, item_id, 1, $3 FROM unnest($2::text[]) AS item_id ORDER BY item_id
ON CONFLICT (kind, item_id) DO UPDATE SET
    tries = CASE WHEN known.progress IS DISTINCT FROM excluded.progress THEN 1
                 ELSE least(known.tries + 1, {TRIES_MAX}) END,
    parked_at = CASE WHEN known.parked_at IS NOT NULL THEN known.parked_at
                     WHEN known.progress IS NOT DISTINCT FROM excluded.progress AND known.tries >= {TRIES_MAX}
                     THEN clock_timestamp() END,
    progress = excluded.progress, last_at = clock_timestamp()
RETURNING item_id, tries, error_class, parked_at
"""
_FAILED: Final = f"""
INSERT INTO poison AS known (kind, item_id, tries, error_class, progress, retry_at)
VALUES ($1, $2, 1, $3, $5, clock_timestamp() + make_interval(secs => {PAUSE_FIRST_S}))
ON CONFLICT (kind, item_id) DO UPDATE SET
    tries = known.tries + $4,
    error_class = excluded.error_class,
    last_at = clock_timestamp(),
    retry_at = clock_timestamp() + make_interval(secs => {PAUSE_FIRST_S} * 2 ^ (known.tries + $4 - 1)),
    parked_at = CASE WHEN known.tries + $4 >= {TRIES_MAX} THEN clock_timestamp() END
RETURNING item_id, tries, error_class, parked_at
"""
_UNDO: Final = """
UPDATE poison SET tries = tries - 1 WHERE kind = $1 AND item_id = ANY($2::text[]) AND tries > 0 AND parked_at IS NULL
"""
_END: Final = "DELETE FROM poison WHERE kind = $1 AND item_id = ANY($2::text[])"
_SUSPECTED: Final = "SELECT item_id FROM poison WHERE kind = $1 AND item_id = ANY($2::text[]) AND tries > 0"
_PARKED: Final = """
SELECT kind, item_id, tries, error_class, first_at, last_at, parked_at FROM poison
WHERE parked_at IS NOT NULL AND ($1::text IS NULL OR kind = $1) ORDER BY parked_at, kind, item_id LIMIT $2
"""
_RELEASE: Final = """
UPDATE poison SET tries = 0, parked_at = NULL, retry_at = NULL, last_at = clock_timestamp()
WHERE kind = $1 AND ($2::text IS NULL OR item_id = $2) AND parked_at IS NOT NULL
"""
_COUNT: Final = "SELECT kind, count(*) AS items FROM poison WHERE parked_at IS NOT NULL GROUP BY kind"
_FORGET: Final = f"""
DELETE FROM poison WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM poison WHERE parked_at IS NULL AND last_at < clock_timestamp() - make_interval(days => {KEPT_DAYS})
    LIMIT $1))
"""


@dataclass(frozen=True, slots=True)
class Begun:
    """A piece of work that is about to begin, or failed: its tries so far, this one included."""

    item_id: str
    tries: int
    error_class: str | None
    parked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Parked:
    """A piece of work that nobody takes up until it is released."""

    kind: str
    item_id: str
    tries: int
    error_class: str | None
    first_at: datetime
    last_at: datetime
    parked_at: datetime


def workable(kind: str, item_id: str) -> str:
    """Return an SQL condition: the item of this kind, whose id is the SQL expression `item_id`, may be taken up now."""
    return f"""NOT EXISTS (
    SELECT FROM poison WHERE poison.kind = '{kind}' AND poison.item_id = {item_id}
    AND (poison.parked_at IS NOT NULL OR poison.retry_at > clock_timestamp()))"""


def parked(kind: str, item_id: str) -> str:
    """Return an SQL condition: the item of this kind, whose id is the SQL expression `item_id`, is parked."""
    return f"""EXISTS (
    SELECT FROM poison WHERE poison.kind = '{kind}' AND poison.item_id = {item_id} AND poison.parked_at IS NOT NULL)"""


async def begin(tx: Connection, kind: str, item_ids: Sequence[str], progress: str | None) -> list[Begun]:
    """Count a try in advance. An item that has used up its tries is parked instead."""
    return [Begun(**row) for row in await tx.fetch(_BEGIN, kind, sorted(set(item_ids)), progress)]


async def failed(
    tx: Connection, kind: str, item_id: str, error_class: str, *, counted: bool, progress: str | None = None
) -> Begun:
    """Note a failure, `counted` in advance or not, and park the item if it was the last try."""
    row = await tx.fetchrow(_FAILED, kind, item_id, error_class, 0 if counted else 1, progress)
    return Begun(**row) if row else Begun(item_id, 1, error_class, None)


async def undo(tx: Connection, kind: str, item_ids: Sequence[str]) -> None:
    """Take one count back: the work neither failed nor ended."""
    await tx.execute(_UNDO, kind, list(item_ids))


async def end(tx: Connection, kind: str, item_ids: Sequence[str]) -> None:
    """Forget items: the work on them is done."""
    await tx.execute(_END, kind, list(item_ids))


async def suspected(tx: Connection, kind: str, item_ids: Sequence[str]) -> set[str]:
    """Return those of the items whose work failed before, or whose process died."""
    return {row["item_id"] for row in await tx.fetch(_SUSPECTED, kind, list(item_ids))}


async def list_parked(tx: Connection, kind: str | None, *, limit: int) -> list[Parked]:
    """Return what is parked, of a kind or of all, the longest first."""
    return [Parked(**row) for row in await tx.fetch(_PARKED, kind, limit)]


async def release(tx: Connection, kind: str, item_id: str | None) -> int:
    """Let a parked item, or all of a kind, be taken up again with a fresh count. Return how many."""
    tag: str = await tx.execute(_RELEASE, kind, item_id)
    return int(tag.split()[1])


async def count_parked(tx: Connection) -> dict[str, int]:
    """Return how many items of each kind are parked."""
    return {row["kind"]: row["items"] for row in await tx.fetch(_COUNT)}


async def forget(tx: Connection, *, limit: int) -> int:
    """Delete old counts of what is not parked. Return how many."""
    tag: str = await tx.execute(_FORGET, limit)
    return int(tag.split()[1])
