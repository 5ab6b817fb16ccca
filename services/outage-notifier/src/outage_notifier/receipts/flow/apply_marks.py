"""Apply the app's received marks that came before their delivery was recorded."""

from datetime import datetime
from functools import partial
from typing import Final

from gridcare.observability.logging import get_logger
from gridcare.postgres.poison.guard import Hand
from outage_notifier.ledger.store import delivery
from outage_notifier.receipts.core.receipt import ReceiptResult, look_again_at
from outage_notifier.receipts.flow.raise_delivery import raise_by_mark
from outage_notifier.receipts.room import Marks
from outage_notifier.receipts.store import receipt, received_mark

MARKS_MAX: Final = 500
"""How many are applied in one transaction, in about 50 ms."""

MARKS_DUE: Final = received_mark.ANY_DUE

logger = get_logger()


async def apply_marks(*, room: Marks) -> int:
    """Apply up to 500 marks that are due. Return how many were looked at."""
    return await room.guard.each("receipt", partial(_apply, room), limit=MARKS_MAX)


async def _apply(room: Marks, hand: Hand, limit: int) -> int:
    async with room.db.transaction() as tx:
        now = room.clock.now()
        marks = await received_mark.take(tx, now=now, limit=limit)
        if not marks:
            return 0
        await hand.take([str(each.receipt_id) for each in marks])
        rows = await delivery.lock(tx, [mark.key for mark in marks])
        raised = await raise_by_mark(tx, rows.values(), now=now)
        results: list[tuple[int, ReceiptResult]] = []
        times: list[tuple[int, datetime]] = []
        for mark in marks:
            if mark.key in rows:
                results.append((mark.receipt_id, "raised" if mark.key in raised else "unchanged"))
            elif again_at := look_again_at(mark.received_at, now):
                times.append((mark.receipt_id, again_at))
            else:
                results.append((mark.receipt_id, "unmatched"))
        await receipt.applied(tx, results, now=now)
        await receipt.later(tx, times)
    for receipt_id, result in results:
        if result == "unmatched":
            logger.warning("receipt_not_applied", reason=result, provider="app", aggregate_id=receipt_id)
    return len(marks)
