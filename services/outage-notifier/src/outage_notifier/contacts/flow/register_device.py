"""Register a device of the app: it belongs to one account, and gets the messages of the customers whom that account holds."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gridcare.observability.logging import get_logger
from gridcare.postgres.database import Database
from gridcare.values.clock import Clock
from gridcare.values.ids import uuid7
from outage_notifier.contacts.store import device
from outage_notifier.contacts.store.device import NewDevice
from outage_notifier.contacts.vault import DEVICE, Vault

DEVICES_PER_ACCOUNT_MAX: Final = 20
"""More than a household has. The longest unseen one makes room: whoever has a new phone must not be refused."""

logger = get_logger()


@dataclass(frozen=True, slots=True)
class Registration:
    """What an account says of its device; `registration` is the provider's name for it."""

    account: str
    customer_codes: frozenset[str]
    kind: str
    registration: str
    platform: str


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered device; `fresh` when the registration was not known before."""

    device_id: UUID
    fresh: bool


async def register_device(db: Database, clock: Clock, vault: Vault, asked: Registration) -> Registered:
    """Write a device, or move it here from another account. The same registration keeps its id. Raises Retryable."""
    now = clock.now()
    drawn = uuid7(now)
    new = NewDevice(
        device_id=drawn,
        account=asked.account,
        kind=asked.kind,
        registration_sealed=vault.seal(asked.registration.encode(), DEVICE),
        registration_index=vault.index(asked.registration, DEVICE),
        platform=asked.platform,
    )
    async with db.transaction() as tx:
        device_id = await device.register(tx, new, now=now)
        await device.link(tx, device_id, asked.customer_codes)
        evicted = await device.evict(tx, asked.account, newest=device_id, kept=DEVICES_PER_ACCOUNT_MAX)
    if evicted:
        logger.info("devices_evicted", count=evicted)
    return Registered(device_id, fresh=device_id == drawn)
