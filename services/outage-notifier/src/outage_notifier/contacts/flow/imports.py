"""Imports by ops, each chunk of good lines in a transaction of its own.

Contacts and devices are written straight into this service's database: they are on no topic. Supply points are published
to theirs, and projected from there as by every service. Importing a file again, whole or in part, changes nothing more.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from gridcare.events.supply_points import SupplyPointChanged
from gridcare.postgres import outbox
from gridcare.values.ids import uuid7
from gridcare.values.phone import mask
from outage_notifier import NAME
from outage_notifier.contacts import vault
from outage_notifier.contacts.core.import_line import ImportedContact, ImportedDevice, ImportKind
from outage_notifier.contacts.core.phone_book import OwnPhone, PhoneBook
from outage_notifier.contacts.flow.good_lines import GoodLines, ImportFile, ImportReport
from outage_notifier.contacts.room import Contacts, Recorded
from outage_notifier.contacts.store import contact_import, import_record, phone
from outage_notifier.contacts.store.contact_import import StagedContact, StagedDevice
from outage_notifier.contacts.store.import_record import ImportRecord
from outage_notifier.contacts.vault import Vault


async def import_contacts(file: ImportFile[ImportedContact], *, room: Contacts) -> ImportReport:
    """Write each good line's customer, phone and consent. What a customer chose in the app stays.

    Of the phones that are new to a customer, the one that the file names first is the primary one.
    """
    import_id = await _begin("contacts", file, room)
    good, begun_at, before = GoodLines(file.lines), room.clock.now(), 0
    async for contacts in good.chunks():
        customers = [_sealed_contact(each, room.vault) for each in contacts]
        async with room.db.transaction() as tx:
            await contact_import.merge_customers(tx, customers)
            opened = await phone.books(
                tx,
                {each.customer_code for each in contacts if each.phone},
                maker="import",
                numbers=_indexes(contacts, room.vault),
            )
            for position, each in enumerate(contacts, start=before):
                if each.phone:
                    book = opened[each.customer_code]
                    _import_phone(book, each, each.phone, room.vault, begun_at - timedelta(microseconds=position))
            await phone.save(tx, opened, made_by=file.made_by, now=room.clock.now())
        before += len(contacts)
    return await _end(import_id, file, good.report(), room)


async def import_devices(file: ImportFile[ImportedDevice], *, room: Contacts) -> ImportReport:
    """Write each good line's device for its customer. One that an account registered itself is left alone."""
    import_id = await _begin("devices", file, room)
    good = GoodLines(file.lines)
    async for devices in good.chunks():
        now = room.clock.now()
        sealed = [_sealed_device(each, room.vault, now) for each in devices]
        async with room.db.transaction() as tx:
            await contact_import.merge_devices(tx, sealed, now=now)
    return await _end(import_id, file, good.report(), room)


async def import_supply_points(file: ImportFile[SupplyPointChanged], *, room: Contacts) -> ImportReport:
    """Publish each good line. Whoever reads it ignores a version that was published before."""
    import_id = await _begin("supply-points", file, room)
    good = GoodLines(file.lines)
    async for events in good.chunks():
        async with room.db.transaction() as tx:
            await outbox.append(tx, events, source=NAME, now=room.clock.now())
    return await _end(import_id, file, good.report(), room)


async def list_imports(*, limit: int, room: Recorded) -> Sequence[ImportRecord]:
    """Return who imported what, the newest first. Raises Retryable."""
    async with room.db.read() as connection:
        return await import_record.newest(connection, limit=limit)


async def _begin(kind: ImportKind, file: ImportFile[Any], room: Contacts) -> UUID:
    now = room.clock.now()
    import_id = uuid7(now)
    async with room.db.transaction() as tx:
        await import_record.begin(tx, import_id, kind, made_by=file.made_by, now=now)
    return import_id


async def _end(import_id: UUID, file: ImportFile[Any], report: ImportReport, room: Contacts) -> ImportReport:
    async with room.db.transaction() as tx:
        await import_record.end(
            tx,
            import_id,
            digest=file.digest.digest(),
            kept=report.kept,
            refused=report.refused,
            now=room.clock.now(),
        )
    return report


def _indexes(contacts: Sequence[ImportedContact], sealer: Vault) -> set[bytes]:
    """Return the indexes of all numbers that these lines name."""
    numbers = {each.phone for each in contacts} | {each.replaces for each in contacts}
    return {sealer.index(number, vault.PHONE) for number in numbers if number and number != "all"}


def _import_phone(book: PhoneBook, line: ImportedContact, number: str, sealer: Vault, now: datetime) -> None:
    new = OwnPhone(
        customer_code=line.customer_code,
        number_sealed=sealer.seal(number.encode(), vault.PHONE, row=line.customer_code),
        number_index=sealer.index(number, vault.PHONE),
        masked=mask(number),
        consent=line.consent,
    )
    if line.removed:
        book.remove(new.number_index, now=now)
        return
    if line.replaces in {"", "all"}:
        book.add(new, now=now)
    else:
        book.replace(sealer.index(line.replaces, vault.PHONE), new, now=now)
    if line.replaces == "all":
        book.remove_others(new.number_index, now=now)
    if line.primary:
        book.prefer(new.number_index, now=now)


def _sealed_contact(contact: ImportedContact, sealer: Vault) -> StagedContact:
    return StagedContact(
        customer_code=contact.customer_code,
        language=contact.language,
        segment=contact.segment,
        name_sealed=sealer.seal(contact.name.encode(), vault.NAME, row=contact.customer_code) if contact.name else None,
    )


def _sealed_device(device: ImportedDevice, sealer: Vault, now: datetime) -> StagedDevice:
    device_id = uuid7(now)
    return StagedDevice(
        device_id=device_id,
        customer_code=device.customer_code,
        kind=device.kind,
        registration_sealed=sealer.seal(device.registration.encode(), vault.DEVICE, row=str(device_id)),
        registration_index=sealer.index(device.registration, vault.DEVICE),
        platform=device.platform,
    )
