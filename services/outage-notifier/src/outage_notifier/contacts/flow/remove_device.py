"""Log a device out: it gets no message any more."""

from uuid import UUID

from gridcare.errors import NotFound
from gridcare.postgres.database import Database
from outage_notifier.contacts.store import device


async def remove_device(db: Database, device_id: UUID, *, account: str) -> None:
    """Forget a device. Raises NotFound `device-not-found`, also for another account's."""
    async with db.transaction() as tx:
        if not await device.remove(tx, device_id, account):
            raise NotFound("device-not-found", "there is no such device")
