"""Seal with the newest key what older ones sealed, so that an old key may leave the ring."""

from typing import Any, Final

from gridcare.postgres.database import Database
from outage_notifier.contacts.store import sealed
from outage_notifier.contacts.store.sealed import SEALED_COLUMNS, SealedColumn
from outage_notifier.contacts.vault import Vault

PAGE_SIZE: Final = 1_000
"""Rows in one transaction: some 50 ms, so that no sender waits long for a row."""


async def reseal_contacts(db: Database, vault: Vault) -> int:
    """Go through every sealed column, page by page; how many values. May be stopped and begun again at any time.

    Raises Unsealable when a value's key is not in the ring, and Retryable.
    """
    return sum([await _reseal(db, vault, of) for of in SEALED_COLUMNS])


async def _reseal(db: Database, vault: Vault, of: SealedColumn) -> int:
    after: Any = None
    written = 0
    while True:
        async with db.transaction() as tx:
            old = await sealed.page(tx, of, after=after, newest=vault.newest, limit=PAGE_SIZE)
            if not old:
                return written
            new = [vault.seal(vault.open(value, of.bound_to), of.bound_to) for _, value in old]
            written += await sealed.replace(tx, of, old, new)
        after = old[-1][0]
