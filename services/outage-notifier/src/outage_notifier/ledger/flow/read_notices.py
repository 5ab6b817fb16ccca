"""Read notices: how far they have got, and what became of each delivery."""

from collections.abc import Collection, Sequence
from uuid import UUID

from gridcare.errors import NotFound
from gridcare.values.pages import cut_page
from outage_notifier.ledger.core.delivery import Delivery, State
from outage_notifier.ledger.core.notice import NoticeProgress, NoticeState
from outage_notifier.ledger.room import Ledger
from outage_notifier.ledger.store import delivery, notice, progress


async def read_notice(notice_id: UUID, *, room: Ledger) -> NoticeProgress:
    """Sum a notice up. Raises NotFound `notice-not-found`."""
    async with room.db.read() as connection:
        notice_progress = await progress.find(connection, notice_id)
    if notice_progress is None:
        raise NotFound("notice-not-found", "there is no such notice")
    return notice_progress


async def list_notices(
    outage_id: UUID, *, states: Collection[NoticeState], after: UUID | None, limit: int, room: Ledger
) -> tuple[Sequence[NoticeProgress], UUID | None]:
    """Sum up an outage's notices, the oldest first, with the notice after which the next page begins.

    Of `states`, or all where it names none. Raises NotFound `outage-not-found`.
    """
    async with room.db.read() as connection:
        if not await notice.outage_exists(connection, outage_id):
            raise NotFound("outage-not-found", "there is no such outage")
        rows = await progress.of_outage(connection, outage_id, states=states, after=after, limit=limit + 1)
    return cut_page(rows, limit, lambda row: row.notice_id)


async def list_deliveries(
    notice_id: UUID, *, states: Collection[State], after: str, limit: int, room: Ledger
) -> tuple[Sequence[Delivery], str | None]:
    """List a notice's deliveries by recipient, with the recipient after whom the next page begins.

    Of `states`, or all where it names none. Raises NotFound `notice-not-found`.
    """
    async with room.db.read() as connection:
        if await progress.find(connection, notice_id) is None:
            raise NotFound("notice-not-found", "there is no such notice")
        rows = await delivery.page(connection, notice_id, states=states, after=after, limit=limit + 1)
    return cut_page(rows, limit, lambda row: row.recipient_id)
