"""Probe the channels that are stopped: one batch each, urgent ones first, until a call is taken."""

import asyncio

from outage_notifier.ledger.store import breaker
from outage_notifier.sending.flow.send_batch import send_batch
from outage_notifier.sending.room import Sending


async def probe_channels(stopping: asyncio.Event, *, room: Sending) -> int:
    """Probe each stopped channel whose probe is due and has a batch that waits. Return how many. Raises Retryable."""
    async with room.db.read() as connection:
        states = await breaker.read(connection)
    probed = 0
    for channel, state in states.items():
        if not state.probe_due:
            continue
        async with room.db.transaction() as tx:
            batch_id = await breaker.take_probe(tx, channel, pause_s=room.breakers[channel].pause_s)
        if batch_id is not None:
            await send_batch(batch_id, stopping, room=room, probes=True)
            probed += 1
    return probed
