"""Read notices: how far they have got, and what became of each delivery."""

from collections.abc import Sequence
from uuid import UUID

from gridcare.errors import NotFound
from gridcare.values.pages import cut_page
from outage_notifier.ledger.core.delivery import Delivery, State
from outage_notifier.ledger.core.notice import NoticeProgress
from outage_notifier.ledger.room import Ledger
from outage_notifier.ledger.store import delivery, notice, progress


async def read_notice(notice_id: UUID, *, room: Ledger) -> NoticeProgress:
    """Sum a notice up. Raises NotFound `notice-not-found`."""
    async with room.db.read() as connection:
        notice_progress = await progress.find(connection, notice_id)
    if notice_progress is None:
        raise NotFound("notice-not-found", "there is no such notice")
    return notice_progress


async def list_notices(outage_id: UUID, *, room: Ledger) -> Sequence[NoticeProgress]:
    """Sum up an outage's notices. Raises NotFound `outage-not-found`."""
    async with room.db.read() as connection:
        if not await notice.outage_exists(connection, outage_id):
            raise NotFound("outage-not-found", "there is no such outage")
        return await progress.of_outage(connection, outage_id)


async def list_deliveries(
    notice_id: UUID, *, state: State | None, after: str, limit: int, room: Ledger
) -> tuple[Sequence[Delivery], str | None]:
    """List a notice's deliveries by recipient, with the recipient after whom the next page begins.

    Raises NotFound `notice-not-found`.
    """
    async with room.db.read() as connection:
        if await progress.find(connection, notice_id) is None:
            raise NotFound("notice-not-found", "there is no such notice")
        rows = await delivery.page(connection, notice_id, state=state, after=after, limit=limit + 1)
    return cut_page(rows, limit, lambda row: row.recipient_id)
