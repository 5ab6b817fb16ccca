"""Look what a sender has to do beside what hints tell it: batches that no hint told of, and probes of stopped channels."""

from typing import Final

from gridcare.observability import metrics
from gridcare.process.due import Found
from outage_notifier.ledger.store import breaker
from outage_notifier.sending.flow.send_batch import SILENT_S
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
        due |= {SEND_UNHEARD} if each.unheard else set()
        due |= {PROBE_CHANNELS} if each.probe_due else set()
    return Found(due)
