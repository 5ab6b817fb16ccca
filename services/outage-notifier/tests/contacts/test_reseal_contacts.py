"""Rotation of keys: everything is sealed with the newest one, and an old one may go."""

import base64

import pytest

from outage_notifier.contacts.core.imported import ImportedContact
from outage_notifier.contacts.flow.import_contacts import _contact
from outage_notifier.contacts.flow.reseal_contacts import reseal_contacts
from outage_notifier.contacts.room import Contacts
from outage_notifier.contacts.store import contact_import
from outage_notifier.contacts.store.sealed import SEALED_COLUMNS
from outage_notifier.contacts.vault import RECEIPT, Unsealable, Vault
from outage_notifier.receipts.store import receipt

OLD, NEW = (base64.b64encode(bytes(32) if n == 0 else bytes([n]) * 32).decode() for n in (0, 1))


@pytest.fixture
async def contacts(world, db, vault, clock):
    """Write contacts of every kind, sealed with the old key; some more phones than one page holds."""
    await world.customer("PB11010012345", devices=["a-device-of-mine"])
    people = [
        ImportedContact(f"PB1102{n:07}", f"+849{n:08}", "vi", consent=True, name="Bé", segment=None)
        for n in range(1_200)
    ]
    async with db.transaction() as tx:
        await contact_import.merge_contacts(tx, [_contact(each, vault) for each in people], now=clock.now())
        sealed = vault.seal(b"MessageSid=SM1", RECEIPT)
        await receipt.add(tx, source="twilio", key="SM1:sent", attempt_name=None, body_sealed=sealed, now=clock.now())


async def _opened(db, vault) -> int:
    """Open every sealed value; how many."""
    count = 0
    async with db.read() as connection:
        for of in SEALED_COLUMNS:
            for row in await connection.fetch(f"SELECT {of.column} FROM {of.table} WHERE {of.column} IS NOT NULL"):
                vault.open(row[0], of.bound_to)
                count += 1
    return count


async def test_rotated(contacts, db, clock):
    """After a rotation the new key alone opens everything, and nothing is left to do."""
    everything = 2 * 1_200 + 2
    assert await reseal_contacts(room=Contacts(db, clock, Vault.of_settings(f"t2:{NEW},t1:{OLD}", OLD))) == everything
    only_new = Vault.of_settings(f"t2:{NEW}", OLD)
    assert await _opened(db, only_new) == everything
    assert await reseal_contacts(room=Contacts(db, clock, only_new)) == 0


async def test_missing_key(contacts, db, vault, clock):
    """Without the old key nothing is touched: the ring must hold both."""
    with pytest.raises(Unsealable):
        await reseal_contacts(room=Contacts(db, clock, Vault.of_settings(f"t2:{NEW}", OLD)))
    assert await _opened(db, vault) == 2 * 1_200 + 2


async def test_every_sealed_column_is_known(db, clock):
    """Every column of the database that is called sealed is gone through."""
    async with db.read() as connection:
        rows = await connection.fetch(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND column_name LIKE '%\\_sealed'"
        )
    assert {tuple(row) for row in rows} == {(of.table, of.column) for of in SEALED_COLUMNS}
