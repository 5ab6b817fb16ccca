"""`notice-batches.*`: hints that a batch waits in the ledger.

A hint counts as handled once sending starts: its offset is committed while the batch is under way, since the ledger, not
the topic, knows what is unsettled.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from gridcare.errors import PassedOver, Retryable
from gridcare.events import Envelope, data_as
from gridcare.events.envelope import UNKNOWN
from gridcare.events.notices import BatchPlanned, Channel, Lane
from gridcare.events.topics import CHANNELS, LANES, NOTICE_BATCHES
from gridcare.kafka.consume import Subscription
from gridcare.observability.logging import get_logger
from gridcare.process.lifecycle import Lifecycle
from outage_notifier.sending.flow.send_batch import find_unheard, send_next
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
        """Begin to send a batch for each hint, as soon as its lane has room: the one whose use ends first.

        Raises PassedOver for a hint at a channel or a lane that a later release has: its senders send the batch.
        """
        for channel, lane in [_hinted_at(envelope) for envelope in envelopes]:
            slots = self._slots_of(channel, lane)
            await slots.acquire()
            self._begin(self._send(channel, lane, slots, go_on=False))

    async def send_unheard(self) -> int:
        """Begin to send what waits in the ledger though no hint of it came for a while. Return 0. Raises Retryable.

        While Kafka is silent, notices are late, not lost.
        """
        for channel, lane in await find_unheard(room=self.room):
            slots = self._slots_of(channel, lane)
            if not slots.locked() and not self.lifecycle.stopping.is_set():
                await slots.acquire()
                self._begin(self._send(channel, lane, slots, go_on=True))
        return 0

    def _slots_of(self, channel: Channel, lane: Lane) -> asyncio.Semaphore:
        at_once = self.room.limits.batches_at_once[channel]
        return self._slots.setdefault((channel, lane), asyncio.Semaphore(at_once))

    def _begin(self, sending: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(sending)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def _send(self, channel: Channel, lane: Lane, slots: asyncio.Semaphore, *, go_on: bool) -> None:
        """Send a lane's next batch, and `go_on` as long as there are more."""
        stopping = self.lifecycle.stopping
        try:
            while await send_next(channel, lane, stopping, room=self.room) and go_on and not stopping.is_set():
                pass
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


def _hinted_at(envelope: Envelope) -> tuple[Channel, Lane]:
    hint = data_as(envelope, BatchPlanned)
    if hint.channel == UNKNOWN or hint.lane == UNKNOWN:  # noqa: PLR1714 - only a comparison of each narrows its type
        raise PassedOver(envelope.type)
    return hint.channel, hint.lane
