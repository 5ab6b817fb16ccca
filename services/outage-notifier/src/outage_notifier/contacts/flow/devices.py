"""Devices of the app: one belongs to one account, and gets the messages of the customers whom that account holds."""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from gridcare.errors import NotFound
from gridcare.observability.logging import get_logger
from gridcare.values.ids import uuid7
from outage_notifier.contacts.core.contact import DeviceKind, Platform
from outage_notifier.contacts.room import Contacts
from outage_notifier.contacts.store import device
from outage_notifier.contacts.store.device import NewDevice
from outage_notifier.contacts.vault import DEVICE

DEVICES_PER_ACCOUNT_MAX: Final = 20
"""More than a household has. The device that was seen longest ago makes room: somebody with a new phone is not refused."""

logger = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterDevice:
    """Register an account's device; `registration` is the provider's name for it."""

    account: str
    customer_codes: frozenset[str]
    kind: DeviceKind
    registration: str = field(repr=False)
    platform: Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveDevice:
    """Log an account's device out."""

    account: str
    device_id: UUID


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered device; `fresh` when the registration was not known before."""

    device_id: UUID
    fresh: bool


async def register_device(command: RegisterDevice, *, room: Contacts) -> Registered:
    """Write a device, or move it here from another account. The same registration keeps its id. Raises Retryable."""
    now = room.clock.now()
    index = room.vault.index(command.registration, DEVICE)
    async with room.db.transaction() as tx:
        known_id = await device.known_id(tx, index)
        new_id = known_id or uuid7(now)
        new = NewDevice(
            device_id=new_id,
            account=command.account,
            kind=command.kind,
            registration_sealed=room.vault.seal(command.registration.encode(), DEVICE, row=str(new_id)),
            registration_index=index,
            platform=command.platform,
        )
        device_id = await device.register(tx, new, now=now)
        await device.link(tx, device_id, command.customer_codes)
        evicted = await device.evict(tx, command.account, newest=device_id, kept=DEVICES_PER_ACCOUNT_MAX)
    if evicted:
        logger.info("devices_evicted", count=evicted)
    return Registered(device_id, fresh=known_id is None and device_id == new_id)


async def remove_device(command: RemoveDevice, *, room: Contacts) -> None:
    """Remove a device: it gets no more messages. Raises NotFound `device-not-found`, for another account's device too."""
    async with room.db.transaction() as tx:
        if not await device.remove(tx, command.device_id, command.account):
            raise NotFound("device-not-found", "there is no such device")
