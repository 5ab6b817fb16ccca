"""Rotation of keys: everything is sealed with the newest key, so that an old one may leave the ring."""

import base64

import pytest

from outage_notifier.contacts.core.import_line import ImportedContact
from outage_notifier.contacts.flow.good_lines import ImportFile
from outage_notifier.contacts.flow.imports import import_contacts
from outage_notifier.contacts.flow.reseal import reseal
from outage_notifier.contacts.room import Contacts, Resealing
from outage_notifier.contacts.vault import RECEIPT, Unsealable, Vault
from outage_notifier.receipts.store import receipt
from outage_notifier.settings import ResealSettings
from outage_notifier.wiring import resealing

OLD, NEW = (base64.b64encode(bytes(32) if n == 0 else bytes([n]) * 32).decode() for n in (0, 1))


@pytest.fixture
async def contacts(world, db, vault, clock):
    """Write contacts of every kind, sealed with the old key; some more phones than one page holds."""
    await world.customer("PB11010012345", devices=["a-device-of-mine"])

    async def people():
        for n in range(1_200):
            yield n, ImportedContact(f"PB1102{n:07}", f"+849{n:08}", "vi", consent=True, name="Bé", segment=None)

    await import_contacts(ImportFile(people(), made_by="ops"), room=Contacts(db, clock, vault, 30))
    async with db.transaction() as tx:
        sealed = vault.seal(b"MessageSid=SM1", RECEIPT, row="SM1:sent")
        await receipt.add(tx, source="twilio", key="SM1:sent", attempt_name=None, body_sealed=sealed, now=clock.now())


@pytest.fixture
async def columns(settings):
    """Return every column that the command goes through."""
    read = ResealSettings(
        database_url=settings.database_url,
        contact_keys=settings.contact_keys,
        contact_index_key=settings.contact_index_key,
    )
    async with resealing(read) as room:
        return room.columns


async def _opened(db, vault, columns) -> int:
    """Open every sealed value, and return how many there are."""
    count = 0
    async with db.read() as connection:
        for each in columns:
            rows = await connection.fetch(
                f"SELECT {each.column}, {each.bound_to}::text AS row FROM {each.table} WHERE {each.column} IS NOT NULL"
            )
            for row in rows:
                vault.open(row[each.column], each.purpose, row=row["row"])
                count += 1
    return count


async def test_the_new_key_opens_everything(contacts, db, columns):
    """After a rotation the new key alone opens everything, and nothing is left to do."""
    everything = 2 * 1_200 + 2
    both = Vault.of_settings(f"t2:{NEW},t1:{OLD}", OLD)
    assert await reseal(room=Resealing(db, both, columns)) == everything
    only_new = Vault.of_settings(f"t2:{NEW}", OLD)
    assert await _opened(db, only_new, columns) == everything
    assert await reseal(room=Resealing(db, only_new, columns)) == 0


async def test_bound_and_back(contacts, db, vault, columns):
    """Where contacts are to be bound, the command binds them all, with the same key; it takes them back for a former release."""
    everything = 2 * 1_200 + 2
    unbound, bound = (Vault.of_settings(f"t1:{OLD}", OLD, bound=each) for each in (False, True))
    for now, before in ((unbound, bound), (bound, unbound), (unbound, bound)):
        await reseal(room=Resealing(db, before, columns))
        assert await reseal(room=Resealing(db, now, columns)) == everything
        assert await _opened(db, now, columns) == everything
        assert await reseal(room=Resealing(db, now, columns)) == 0


async def test_swapped_rows_are_refused(contacts, db, columns):
    """What is bound to one row does not open in another of the same column; what an earlier release sealed would."""
    for bound in (False, True):
        vault = Vault.of_settings(f"t1:{OLD}", OLD, bound=bound)
        await reseal(room=Resealing(db, vault, columns))
        async with db.transaction() as tx:
            rows = await tx.fetch("SELECT customer_code, number_sealed FROM phone ORDER BY phone_id LIMIT 2")
            await tx.execute(
                "UPDATE phone p SET number_sealed = o.number_sealed FROM phone o"
                " WHERE (p.customer_code, o.customer_code) IN (($1, $2), ($2, $1))",
                *(row["customer_code"] for row in rows),
            )
        if bound:
            with pytest.raises(Unsealable):
                await _opened(db, vault, columns)
        else:
            assert await _opened(db, vault, columns) == 2 * 1_200 + 2


async def test_missing_key(contacts, db, vault, columns):
    """Without the old key nothing is touched: the ring must hold both."""
    with pytest.raises(Unsealable):
        await reseal(room=Resealing(db, Vault.of_settings(f"t2:{NEW}", OLD), columns))
    assert await _opened(db, vault, columns) == 2 * 1_200 + 2


async def test_every_sealed_column(db, columns):
    """The command goes through every column of the database that is called sealed."""
    async with db.read() as connection:
        rows = await connection.fetch(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND column_name LIKE '%\\_sealed'"
        )
    assert {tuple(row) for row in rows} == {(each.table, each.column) for each in columns}
