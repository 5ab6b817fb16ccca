"""Read outages: one, a list of them, and the revisions of one."""

from collections.abc import Sequence
from uuid import UUID

from gridcare.errors import NotFound
from outage_notifier.outages.core.outage import Outage, Revision, Status
from outage_notifier.outages.room import Outages
from outage_notifier.outages.store import outage
from outage_notifier.outages.store.outage import Position


async def read_outage(outage_id: UUID, *, room: Outages) -> Outage:
    """Read an outage. Raises NotFound `outage-not-found`."""
    async with room.db.read() as connection:
        found = await outage.find(connection, outage_id)
    if found is None:
        raise NotFound("outage-not-found", "there is no such outage")
    return found


async def list_outages(
    *, status: Status | None, before: Position, limit: int, room: Outages
) -> tuple[Sequence[Outage], Position | None]:
    """List outages, the newest change first; and where the next page goes on."""
    async with room.db.read() as connection:
        found = await outage.page(connection, status=status, before=before, limit=limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return found[:limit], (last.updated_at, last.outage_id) if last else None


async def list_revisions(
    outage_id: UUID, *, after: int, limit: int, room: Outages
) -> tuple[Sequence[Revision], int | None]:
    """List an outage's revisions, the oldest first. Raises NotFound `outage-not-found`."""
    async with room.db.read() as connection:
        if await outage.find(connection, outage_id) is None:
            raise NotFound("outage-not-found", "there is no such outage")
        found = await outage.revisions(connection, outage_id, after=after, limit=limit + 1)
    return found[:limit], found[limit - 1].revision if len(found) > limit else None
