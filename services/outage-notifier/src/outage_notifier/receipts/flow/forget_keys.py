"""Forget the keys of receipts that no provider repeats any more; the receipts themselves are kept."""

from datetime import timedelta
from typing import Final

from gridcare.postgres.bites import BITE_ROWS
from outage_notifier.receipts.room import Marks
from outage_notifier.receipts.store import receipt

KEYS_KEPT: Final = timedelta(days=60)


async def forget_keys(*, room: Marks, limit: int = BITE_ROWS) -> int:
    """Delete at most `limit` keys and return how many. Raises Retryable."""
    async with room.db.transaction() as tx:
        return await receipt.forget_keys(tx, before=room.clock.now() - KEYS_KEPT, limit=limit)
