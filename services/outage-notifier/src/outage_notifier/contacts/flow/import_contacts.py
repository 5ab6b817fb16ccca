"""Import contacts straight into this service's database: they are on no topic."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from gridcare.values.ids import uuid7
from gridcare.values.phone import mask
from outage_notifier.contacts import vault
from outage_notifier.contacts.core.imported import ImportedContact, ImportedDevice, read_contact, read_device
from outage_notifier.contacts.flow.import_rows import ImportReport, Row, import_rows
from outage_notifier.contacts.room import Contacts
from outage_notifier.contacts.store import contact_import
from outage_notifier.contacts.store.contact_import import StagedContact, StagedDevice
from outage_notifier.contacts.vault import Vault


async def import_contacts(rows: AsyncIterator[Row], *, room: Contacts) -> ImportReport:
    """Write each good line's customer, phone and consent. What a customer chose in the app stays."""

    async def keep(chunk: Sequence[ImportedContact]) -> None:
        now = room.clock.now()
        staged = [_contact(each, room.vault) for each in chunk]
        async with room.db.transaction() as tx:
            await contact_import.merge_contacts(tx, staged, now=now)

    return await import_rows(rows, read_contact, keep)


async def import_devices(rows: AsyncIterator[Row], *, room: Contacts) -> ImportReport:
    """Write each good line's device for its customer; one that an account registered itself is left alone."""

    async def keep(chunk: Sequence[ImportedDevice]) -> None:
        now = room.clock.now()
        staged = [_device(each, room.vault, now) for each in chunk]
        async with room.db.transaction() as tx:
            await contact_import.merge_devices(tx, staged, now=now)

    return await import_rows(rows, read_device, keep)


def _contact(contact: ImportedContact, sealer: Vault) -> StagedContact:
    phone = contact.phone
    return StagedContact(
        customer_code=contact.customer_code,
        language=contact.language,
        segment=contact.segment,
        name_sealed=sealer.seal(contact.name.encode(), vault.NAME) if contact.name else None,
        consent=contact.consent,
        number_sealed=sealer.seal(phone.encode(), vault.PHONE) if phone else None,
        number_index=sealer.index(phone, vault.PHONE) if phone else None,
        masked=mask(phone) if phone else None,
    )


def _device(device: ImportedDevice, sealer: Vault, now: datetime) -> StagedDevice:
    return StagedDevice(
        device_id=uuid7(now),
        customer_code=device.customer_code,
        kind=device.kind,
        registration_sealed=sealer.seal(device.registration.encode(), vault.DEVICE),
        registration_index=sealer.index(device.registration, vault.DEVICE),
        platform=device.platform,
    )
