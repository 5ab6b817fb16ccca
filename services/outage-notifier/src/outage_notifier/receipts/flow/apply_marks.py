"""Apply the app's received marks that came before their delivery was recorded."""

from gridcare.observability.logging import get_logger
from outage_notifier.ledger.store import delivery
from outage_notifier.receipts.core.receipt import look_again_at
from outage_notifier.receipts.flow.raise_delivery import raise_by_mark
from outage_notifier.receipts.room import Receipts
from outage_notifier.receipts.store import receipt, received_mark

MARKS_MAX = 500
"""Applied in one transaction: some 50 ms of it."""

logger = get_logger()


async def apply_marks(*, room: Receipts) -> int:
    """Apply up to 500 marks that are due. Return how many were looked at."""
    async with room.db.transaction() as tx:
        now = room.clock.now()
        marks = await received_mark.take(tx, now=now, limit=MARKS_MAX)
        if not marks:
            return 0
        rows = await delivery.lock(tx, [mark.key for mark in marks])
        raised = await raise_by_mark(tx, rows.values(), now=now)
        results = [(m.receipt_id, "raised" if m.key in raised else "unchanged") for m in marks if m.key in rows]
        waiting = [(m.receipt_id, look_again_at(m.received_at, now)) for m in marks if m.key not in rows]
        given_up = [receipt_id for receipt_id, again_at in waiting if again_at is None]
        await receipt.applied(tx, results + [(receipt_id, "unmatched") for receipt_id in given_up], now=now)
        await receipt.later(tx, [(receipt_id, at) for receipt_id, at in waiting if at is not None])
    for receipt_id in given_up:
        logger.warning("receipt_not_applied", reason="unmatched", provider="app", aggregate_id=receipt_id)
    return len(marks)
