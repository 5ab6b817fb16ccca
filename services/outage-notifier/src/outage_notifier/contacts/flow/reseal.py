"""Seal with the newest key what older keys sealed, so that an old key may leave the ring."""

from typing import Final

from outage_notifier.contacts.core.sealed_column import SealedColumn
from outage_notifier.contacts.room import Resealing
from outage_notifier.contacts.store import sealed

PAGE_SIZE: Final = 1_000
"""Rows per transaction: about 50 ms, so that no sender waits long for a row."""


async def reseal(*, room: Resealing) -> int:
    """Go through every sealed column, page by page, and return how many values were sealed again.

    It may be stopped and started again at any time. Raises Unsealable when a value's key is not in the ring, and Retryable.
    """
    return sum([await _reseal_column(column, room) for column in room.columns])


async def _reseal_column(column: SealedColumn, room: Resealing) -> int:
    last_key: sealed.Key = None
    written = 0
    while True:
        async with room.db.transaction() as tx:
            values = await sealed.page(tx, column, after=last_key, newest=room.vault.newest, limit=PAGE_SIZE)
            if not values:
                return written
            resealed = [room.vault.seal(room.vault.open(v.sealed, column.purpose), column.purpose) for v in values]
            written += await sealed.replace(tx, column, values, resealed)
        last_key = values[-1].key
