"""Seal with the newest key what older ones sealed, so that an old key may leave the ring."""

from typing import Any, Final

from outage_notifier.contacts.room import Contacts
from outage_notifier.contacts.store import sealed
from outage_notifier.contacts.store.sealed import SEALED_COLUMNS, SealedColumn

PAGE_SIZE: Final = 1_000
"""Rows in one transaction: some 50 ms, so that no sender waits long for a row."""


async def reseal_contacts(*, room: Contacts) -> int:
    """Go through every sealed column, page by page; it may be stopped and begun again at any time.

    Raises Unsealable when a value's key is not in the ring, and Retryable.
    """
    return sum([await _reseal(room, of) for of in SEALED_COLUMNS])


async def _reseal(room: Contacts, of: SealedColumn) -> int:
    after: Any = None
    written = 0
    while True:
        async with room.db.transaction() as tx:
            old = await sealed.page(tx, of, after=after, newest=room.vault.newest, limit=PAGE_SIZE)
            if not old:
                return written
            new = [room.vault.seal(room.vault.open(value, of.bound_to), of.bound_to) for _, value in old]
            written += await sealed.replace(tx, of, old, new)
        after = old[-1][0]
