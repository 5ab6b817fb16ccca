"""Tell the senders of batches that wait: when they are planned, and again if nobody takes them."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

from gridcare.events.notices import BatchPlanned
from gridcare.postgres import outbox
from gridcare.postgres.database import Connection
from gridcare.postgres.poison.guard import Hand
from gridcare.process.crash_points import reach
from outage_notifier import NAME
from outage_notifier.ledger.core.batch import Hint, NewBatch
from outage_notifier.ledger.store import batch
from outage_notifier.planning.room import Planning

HINTS_MAX: Final = 1_000
"""Hints published in one transaction."""


async def hint_at_new(tx: Connection, batches: Sequence[NewBatch], *, now: datetime) -> None:
    """Put the hints at new batches into the outbox of the open transaction."""
    await _publish(tx, [hint for each in batches if (hint := each.hint)], now)


def hints_due(room: Planning) -> str:
    """Return the query that finds whether there is a batch for `hint_again`."""
    return batch.any_silent(room.hint_silent_s)


async def hint_again(*, room: Planning) -> int:
    """Hint again at unsettled batches that nobody holds, after `hint_silent_s` and then ever later. Return how many."""
    return await room.guard.each("hint", partial(_hint, room), limit=HINTS_MAX)


async def _hint(room: Planning, hand: Hand, limit: int) -> int:
    async with room.db.transaction() as tx:
        silent = await batch.take_silent(tx, silent_s=room.hint_silent_s, limit=limit)
        if not silent:
            return 0
        await hand.take([str(batch_id) for batch_id in silent])
        await _publish(tx, await batch.hint_again(tx, silent), room.clock.now())
    reach("worker.hinted")
    return len(silent)


async def _publish(tx: Connection, hints: Sequence[Hint], now: datetime) -> None:
    events = [
        BatchPlanned(version=hint.number, batch_id=hint.batch_id, channel=hint.channel, lane=hint.lane)
        for hint in hints
    ]
    await outbox.append(tx, events, source=NAME, now=now)
