"""`notice-batches.*`: hints that a batch waits in the ledger.

A hint counts as handled once sending starts: its offset is committed while the batch is under way, since the ledger, not
the topic, knows what is unsettled.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gridcare.errors import Retryable
from gridcare.events import Envelope
from gridcare.events.notices import BatchPlanned, Channel, Lane
from gridcare.events.topics import CHANNELS, LANES, NOTICE_BATCHES
from gridcare.kafka.consume import Subscription
from gridcare.observability.logging import get_logger
from gridcare.process.lifecycle import Lifecycle
from outage_notifier.sending.flow.send_batch import send_batch
from outage_notifier.sending.room import Sending

logger = get_logger()


@dataclass(slots=True)
class BatchesUnderWay:
    """The batches that this process is sending, up to `batches_at_once` for each channel and lane: no lane waits for another."""

    room: Sending
    lifecycle: Lifecycle
    _slots: dict[tuple[Channel, Lane], asyncio.Semaphore] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _died: asyncio.Future[asyncio.Task[None]] = field(default_factory=asyncio.Future)

    def subscriptions(self) -> list[Subscription]:
        """Return the channels' subscriptions, each to the topics of all lanes."""
        return [
            Subscription(topics=tuple(NOTICE_BATCHES[channel, lane] for lane in LANES), handle=self.start)
            for channel in CHANNELS
        ]

    async def start(self, envelopes: Sequence[Envelope]) -> None:
        """Begin to send the batches of these hints, as soon as their lane has room."""
        for envelope in envelopes:
            if not isinstance(envelope.data, BatchPlanned):
                continue
            hint = envelope.data
            at_once = self.room.limits.batches_at_once[hint.channel]
            slots = self._slots.setdefault((hint.channel, hint.lane), asyncio.Semaphore(at_once))
            await slots.acquire()
            task = asyncio.create_task(self._send(hint, slots))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    async def _send(self, hint: BatchPlanned, slots: asyncio.Semaphore) -> None:
        try:
            await send_batch(hint.batch_id, self.lifecycle.stopping, room=self.room)
        except Retryable as error:  # its lease runs out, and the worker hints at it again
            logger.warning("batch_waits", error_class=type(error.__cause__ or error).__name__)
        finally:
            slots.release()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None and not self._died.done():
            self._died.set_result(task)

    async def drain(self) -> None:
        """Wait for the batches under way; told to stop, each ends soon and gives its lease back."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def watch(self) -> None:
        """Run until told to stop. Raise the error that a batch died of: it is a bug, and must be seen."""
        stopping = asyncio.create_task(self.lifecycle.stopping.wait())
        try:
            waited: set[asyncio.Future[Any]] = {stopping, self._died}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if self._died.done():
                self._died.result().result()
        finally:
            stopping.cancel()
