"""Read outages: one, a page of them, and the revisions of one."""

from collections.abc import Collection, Sequence
from uuid import UUID

from gridcare.errors import NotFound
from gridcare.values.pages import cut_page
from outage_notifier.outages.core.outage import Outage, OutageState, Revision
from outage_notifier.outages.room import Outages
from outage_notifier.outages.store import outage
from outage_notifier.outages.store.outage import Position


async def read_outage(outage_id: UUID, *, room: Outages) -> Outage:
    """Return an outage. Raises NotFound `outage-not-found`."""
    async with room.db.read() as connection:
        known = await outage.find(connection, outage_id)
    if known is None:
        raise NotFound("outage-not-found", "there is no such outage")
    return known


async def list_outages(
    *, states: Collection[OutageState], before: Position, limit: int, room: Outages
) -> tuple[Sequence[Outage], Position | None]:
    """Return a page of outages, the newest change first, and where the next page starts, if there is one.

    Of `states`, or all where it names none.
    """
    async with room.db.read() as connection:
        outages = await outage.page(connection, states=states, before=before, limit=limit + 1)
    return cut_page(outages, limit, lambda each: (each.updated_at, each.outage_id))


async def list_revisions(
    outage_id: UUID, *, after: int, limit: int, room: Outages
) -> tuple[Sequence[Revision], int | None]:
    """Return a page of an outage's revisions, the oldest first, and after which the next page starts, if there is one.

    Raises NotFound `outage-not-found`.
    """
    async with room.db.read() as connection:
        if await outage.find(connection, outage_id) is None:
            raise NotFound("outage-not-found", "there is no such outage")
        revisions = await outage.revisions(connection, outage_id, after=after, limit=limit + 1)
    return cut_page(revisions, limit, lambda each: each.revision)
