"""`device` and `device_customer`: installations of the app, and whose messages they get."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gridcare.postgres.database import Connection
from outage_notifier.contacts.core.contact import DeviceKind, Platform


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A device as its account registers it, sealed for `device_id`: a known one's, or one for a registration that is new."""

    device_id: UUID
    account: str
    kind: DeviceKind
    registration_sealed: bytes
    registration_index: bytes
    platform: Platform


@dataclass(frozen=True, slots=True)
class DevicesAside:
    """How many devices are put aside for a reason, a code of the provider's, and when the first and the last of them were."""

    reason: str
    devices: int
    first_at: datetime
    last_at: datetime


_KNOWN_ID = "SELECT device_id FROM device WHERE registration_index = $1"
_REGISTER = """
INSERT INTO device AS d (device_id, account, kind, registration_sealed, registration_index, platform, registered_at, seen_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
ON CONFLICT (registration_index) DO UPDATE SET account = excluded.account, kind = excluded.kind,
    registration_sealed = CASE WHEN d.device_id = excluded.device_id THEN excluded.registration_sealed
        ELSE d.registration_sealed END, platform = excluded.platform, seen_at = excluded.seen_at,
    registered_at = CASE WHEN d.account = excluded.account THEN d.registered_at ELSE excluded.registered_at END
RETURNING device_id
"""
_UNLINK = "DELETE FROM device_customer WHERE device_id = $1 AND customer_code <> ALL($2::text[])"
_LINK = """
INSERT INTO device_customer (customer_code, device_id) SELECT code, $1 FROM unnest($2::text[]) AS code ORDER BY code
ON CONFLICT DO NOTHING
"""
_EVICT = """
DELETE FROM device WHERE device_id IN (
    SELECT device_id FROM device WHERE account = $1 AND device_id <> $2
    ORDER BY seen_at DESC, device_id DESC OFFSET $3 - 1)
"""
_TAKE_BACK = "DELETE FROM device_aside WHERE device_id = $1"
_ASIDE = """
SELECT reason, count(*) AS devices, min(put_aside_at) AS first_at, max(put_aside_at) AS last_at
FROM device_aside GROUP BY reason ORDER BY reason
"""
_TAKE_ALL_BACK = "DELETE FROM device_aside WHERE reason = $1"
_REMOVE = "DELETE FROM device WHERE device_id = $1 AND account = $2"


async def known_id(tx: Connection, registration_index: bytes) -> UUID | None:
    """Return the id of the device with this registration."""
    device_id: UUID | None = await tx.fetchval(_KNOWN_ID, registration_index)
    return device_id


async def register(tx: Connection, device: NewDevice, *, now: datetime) -> UUID:
    """Write a device, or move the one with this registration to this account. Return the id, which a known one keeps.

    One that was put aside is called again: the app has registered it with us. What another registration of the same wrote at
    the same moment stays sealed as it is: it is bound to that one's id.
    """
    device_id: UUID = await tx.fetchval(
        _REGISTER,
        *(device.device_id, device.account, device.kind, device.registration_sealed, device.registration_index),
        *(device.platform, now),
    )
    await tx.execute(_TAKE_BACK, device_id)
    return device_id


async def link(tx: Connection, device_id: UUID, customer_codes: Collection[str]) -> None:
    """Make a device get the messages of these customers and of nobody else."""
    codes = list(customer_codes)
    await tx.execute(_UNLINK, device_id, codes)
    await tx.execute(_LINK, device_id, codes)


async def evict(tx: Connection, account: str, *, newest: UUID, kept: int) -> int:
    """Remove an account's devices beyond `kept`, the longest unseen first, never `newest`. Return how many."""
    tag: str = await tx.execute(_EVICT, account, newest, kept)
    return int(tag.split()[1])


async def aside(tx: Connection) -> list[DevicesAside]:
    """Count the devices that are put aside, by reason."""
    return [DevicesAside(**row) for row in await tx.fetch(_ASIDE)]


async def take_back(tx: Connection, reason: str) -> int:
    """Call the devices again that were put aside for a reason. Return how many."""
    tag: str = await tx.execute(_TAKE_ALL_BACK, reason)
    return int(tag.split()[1])


async def remove(tx: Connection, device_id: UUID, account: str) -> bool:
    """Remove an account's device. Return False when the account has no such device."""
    tag: str = await tx.execute(_REMOVE, device_id, account)
    return tag == "DELETE 1"
