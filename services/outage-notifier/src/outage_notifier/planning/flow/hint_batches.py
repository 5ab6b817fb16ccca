"""Tell the senders of batches that wait: when they are planned, and again when nobody took them."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from gridcare.events.notices import BatchPlanned, Channel, Lane
from gridcare.postgres import outbox
from gridcare.postgres.database import Connection
from outage_notifier import NAME
from outage_notifier.ledger.store import batch
from outage_notifier.ledger.store.batch import Hint
from outage_notifier.planning.room import Planning

HINTS_MAX = 1_000
"""Hints published in one transaction."""


async def hint_at(tx: Connection, hints: Sequence[Hint], *, now: datetime) -> None:
    """Put hints into the outbox of the open transaction."""
    events = [
        BatchPlanned(
            version=hint.number,
            batch_id=hint.batch_id,
            channel=cast("Channel", hint.channel),
            lane=cast("Lane", hint.lane),
        )
        for hint in hints
    ]
    await outbox.append(tx, events, source=NAME, now=now)


async def hint_again(*, room: Planning) -> int:
    """Hint once more at unsettled batches that nobody holds and that nobody was told of for `hint_silent_s`. Return how many."""
    async with room.db.transaction() as tx:
        hints = await batch.hint_again(tx, silent_s=room.hint_silent_s, limit=HINTS_MAX)
        await hint_at(tx, hints, now=room.clock.now())
    return len(hints)
