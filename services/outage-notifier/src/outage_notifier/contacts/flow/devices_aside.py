"""Devices that are put aside: they registered with another sender than us, so they are kept but not called."""

from collections.abc import Sequence

from outage_notifier.contacts.room import Aside
from outage_notifier.contacts.store import device
from outage_notifier.contacts.store.device import DevicesAside


async def list_aside(*, room: Aside) -> Sequence[DevicesAside]:
    """Count the devices that are put aside, by reason. Raises Retryable."""
    async with room.db.read() as connection:
        return await device.aside(connection)


async def take_back(reason: str, *, room: Aside) -> int:
    """Call the devices again that were put aside for a reason. Return how many. Raises Retryable."""
    async with room.db.transaction() as tx:
        return await device.take_back(tx, reason)
