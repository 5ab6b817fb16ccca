"""Tell the senders of batches that wait: when they are planned, and again when nobody took them."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from gridcare.events.notices import BatchPlanned, Channel, Lane
from gridcare.postgres import outbox
from gridcare.postgres.database import Connection, Database
from gridcare.values.clock import Clock
from outage_notifier import NAME
from outage_notifier.ledger.store import batch
from outage_notifier.ledger.store.batch import Hint

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


async def hint_again(db: Database, clock: Clock, *, silent_s: float) -> int:
    """Hint once more at unsettled batches that nobody holds and that nobody was told of for `silent_s`; how many."""
    async with db.transaction() as tx:
        hints = await batch.hint_again(tx, silent_s=silent_s, limit=HINTS_MAX)
        await hint_at(tx, hints, now=clock.now())
    return len(hints)
