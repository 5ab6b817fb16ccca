"""Read notices: how far they are, and what became of each delivery."""

from collections.abc import Sequence
from uuid import UUID

from gridcare.errors import NotFound
from gridcare.postgres.database import Database
from outage_notifier.ledger.core.delivery import Delivery
from outage_notifier.ledger.core.notice import NoticeProgress
from outage_notifier.ledger.store import delivery, progress
from outage_notifier.outages.store import outage


async def read_notice(db: Database, notice_id: UUID) -> NoticeProgress:
    """Sum a notice up. Raises NotFound `notice-not-found`."""
    async with db.read() as connection:
        found = await progress.find(connection, notice_id)
    if found is None:
        raise NotFound("notice-not-found", "there is no such notice")
    return found


async def list_notices(db: Database, outage_id: UUID) -> Sequence[NoticeProgress]:
    """Sum up an outage's notices. Raises NotFound `outage-not-found`."""
    async with db.read() as connection:
        if await outage.find(connection, outage_id) is None:
            raise NotFound("outage-not-found", "there is no such outage")
        return await progress.of_outage(connection, outage_id)


async def list_deliveries(
    db: Database, notice_id: UUID, *, state: str | None, after: str, limit: int
) -> tuple[Sequence[Delivery], str | None]:
    """List a notice's deliveries by recipient, and where the next page goes on. Raises NotFound `notice-not-found`."""
    async with db.read() as connection:
        if await progress.find(connection, notice_id) is None:
            raise NotFound("notice-not-found", "there is no such notice")
        found = await delivery.page(connection, notice_id, state=state, after=after, limit=limit + 1)
    return found[:limit], found[limit - 1].recipient_id if len(found) > limit else None
