"""Seal with the newest key, and in the form that settings ask for, what is not yet: an old key may then leave the ring."""

from typing import Final

from outage_notifier.contacts.core.sealed_column import SealedColumn
from outage_notifier.contacts.room import Resealing
from outage_notifier.contacts.store import sealed
from outage_notifier.contacts.vault import Vault

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
            resealed = [_again(value, column, room.vault) for value in values]
            written += await sealed.replace(tx, column, values, resealed)
        last_key = values[-1].key


def _again(value: sealed.SealedValue, column: SealedColumn, vault: Vault) -> bytes:
    plaintext = vault.open(value.sealed, column.purpose, row=value.bound_to)
    return vault.seal(plaintext, column.purpose, row=value.bound_to)
