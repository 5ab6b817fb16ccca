"""Forget the notices whose deliveries were dropped, and to which attempts the messages of 60 days ago belonged."""

from datetime import timedelta
from typing import Final

from gridcare.postgres.bites import BITE_ROWS
from outage_notifier.ledger.room import Keeping
from outage_notifier.ledger.store import attempt, notice, partition

MESSAGES_KEPT: Final = timedelta(days=60)
"""Receipts and look-ups come within one day; Twilio itself lists messages for longer than this."""


async def forget_notices(*, room: Keeping, limit: int = BITE_ROWS) -> int:
    """Delete at most `limit` rows of each table and return how many in all. Raises Retryable."""
    async with room.db.transaction() as tx:
        starts = [each.starts_at for each in await partition.partitions(tx)]
        first = min((start for start in starts if start is not None), default=None)
        gone = 0 if first is None or None in starts else await notice.forget(tx, before=first, limit=limit)
    async with room.db.transaction() as tx:
        return gone + await attempt.forget_messages(tx, before=room.clock.now() - MESSAGES_KEPT, limit=limit)
