"""Look what a sender has to do beside what hints tell it, and probe the channels that are stopped.

A probe is one batch of a channel, an urgent one first, until a call is taken.
"""

import asyncio
from functools import partial
from typing import Final
from uuid import UUID

from gridcare.events.notices import Channel
from gridcare.observability import metrics
from gridcare.process.due import Found
from outage_notifier.ledger.store import breaker
from outage_notifier.sending.flow.send_batch import SILENT_S, send_batch
from outage_notifier.sending.room import Sending

SEND_UNHEARD: Final = "send_unheard"
PROBE_CHANNELS: Final = "probe_channels"


async def look_for_work(*, room: Sending) -> Found:
    """Return which of the two there is, and tell the metrics which channels are stopped. One statement. Raises Retryable."""
    async with room.db.read() as connection:
        channels = await breaker.look(connection, silent_s=SILENT_S)
    due = set()
    for each in channels:
        metrics.OPEN_BREAKERS.set(int(each.stopped), channel=each.channel)
        due |= {SEND_UNHEARD} if each.unheard and not each.stopped else set()
        due |= {PROBE_CHANNELS} if each.probe_due else set()
    return Found(due)


async def probe_channels(stopping: asyncio.Event, *, room: Sending) -> int:
    """Probe each stopped channel whose probe is due and has a batch that waits. Return how many. Raises Retryable."""
    async with room.db.read() as connection:
        states = await breaker.read(connection)
    probed: list[UUID] = []
    for channel, state in states.items():
        if state.probe_due:
            probe = partial(_probe, channel, stopping, room, probed)
            await room.guard.run("probe", channel, probe, seen_before=True)
    return len(probed)


async def _probe(channel: Channel, stopping: asyncio.Event, room: Sending, probed: list[UUID]) -> None:
    """Add to `probed` the batch that waits for a probe, if there is one, and probe by it."""
    async with room.db.transaction() as tx:
        batch_id = await breaker.take_probe(tx, channel, pause_s=room.breakers[channel].pause_s)
    if batch_id is not None:
        probed.append(batch_id)
        await send_batch(batch_id, stopping, room=room, probes=True)
