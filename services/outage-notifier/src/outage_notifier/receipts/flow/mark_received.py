"""The app says that it received a push: the delivery is delivered, and no SMS follows it."""

from collections.abc import Collection

from gridcare.errors import NotFound
from gridcare.postgres.database import Connection
from outage_notifier.ledger.core.delivery import DeliveryKey
from outage_notifier.ledger.core.delivery_id import DeliveryId
from outage_notifier.ledger.store import delivery
from outage_notifier.receipts.flow.raise_delivery import raise_by_mark
from outage_notifier.receipts.room import Marks
from outage_notifier.receipts.store import received_mark


async def mark_received(delivery_id: DeliveryId, customer_codes: Collection[str], *, room: Marks) -> None:
    """Raise a delivery of one of these customers. Idempotent.

    If it was pushed but is not recorded yet, the mark is stored, and applied once the delivery has a row. Raises NotFound
    `delivery-not-found`, for another customer's delivery too.
    """
    async with room.db.transaction() as tx:
        now = room.clock.now()
        key, has_row = await _find(tx, delivery_id, customer_codes)
        if not has_row:
            await received_mark.add(tx, delivery_id, key, now=now)
            return
        rows = await delivery.lock(tx, [key])
        await raise_by_mark(tx, rows.values(), now=now)


async def _find(tx: Connection, delivery_id: DeliveryId, customer_codes: Collection[str]) -> tuple[DeliveryKey, bool]:
    """Find the delivery, and say whether it has a row. A sender may record it between the first two queries, hence the third."""
    if key := await received_mark.recorded(tx, delivery_id, customer_codes):
        return key, True
    if key := await received_mark.under_way(tx, delivery_id, customer_codes):
        return key, False
    if key := await received_mark.recorded(tx, delivery_id, customer_codes):
        return key, True
    raise NotFound("delivery-not-found", "there is no such delivery")
