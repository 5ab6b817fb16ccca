"""The work on one partition: its records in order, independent of every other partition.

A partition that waits for a dependency is simply not fetched while the others go on. gridcare.kafka.fate decides what
becomes of a record. An offset counts as finished only once its handler has returned or its dead letter is safe.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from gridcare.errors import PassedOver, Retryable
from gridcare.events import Envelope, decode
from gridcare.kafka.crashes import CRASHES_MAX, CrashLedger
from gridcare.kafka.dead_letters.dead_letter import DeadLetterLimitReached, DeadLetters, Record, Why, is_for_another
from gridcare.kafka.fate import Fate, fate_of
from gridcare.kafka.offsets import Offsets
from gridcare.kafka.patience import BACKOFF_MAX_S, Patience, Stopped
from gridcare.kafka.tally import Tally
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from gridcare.observability.tracing import span

Handle = Callable[[Sequence[Envelope]], Awaitable[None]]

FETCH_RECORDS_MAX = 500
FETCH_WAIT_S = 5.0
CANCEL_GRACE_S = 5.0

logger = get_logger()


@dataclass(frozen=True, slots=True)
class Tools:
    """What the partitions of one group member share."""

    consumer: AIOKafkaConsumer
    group: str
    offsets: Offsets
    crashes: CrashLedger
    dead_letters: DeadLetters
    handle_deadline_s: float
    told: asyncio.Event  # set when the process is told to stop
    backoff_max_s: float = BACKOFF_MAX_S


class PartitionWork:
    """Reads one partition for as long as this member holds it, passing at most `records_max` records at a time to `handle`."""

    def __init__(self, partition: TopicPartition, handle: Handle, records_max: int, tools: Tools) -> None:
        self.partition = partition
        self._handle = handle
        self._records_max = records_max
        self._tools = tools
        self._tally = Tally(partition, tools.group)
        self._patience = Patience(partition, group=tools.group, backoff_max_s=tools.backoff_max_s)
        self._stopping = self._patience.stopping
        self._fetching = False
        self._fresh = True
        self._careful_until = -1
        self.task = asyncio.create_task(self._run(), name=f"{partition.topic}-{partition.partition}")

    async def stop(self, grace_s: float) -> None:
        """Stop after the records in hand; if they take longer than `grace_s` they are cancelled and come again."""
        self._stopping.set()
        if self._fetching:
            self.task.cancel()  # nothing is in hand, and buffered records are not lost: their offsets are not committed
        _, late = await asyncio.wait({self.task}, timeout=grace_s)
        if late:
            logger.warning("partition_cancelled", grace_s=grace_s, **self._tally.where())
            self.task.cancel()
            await asyncio.wait({self.task}, timeout=CANCEL_GRACE_S)

    async def _run(self) -> None:
        with contextlib.suppress(Stopped):
            await self._patience.insist(lambda: self._tools.offsets.tell_lost(self.partition))
            self._careful_until = await self._patience.insist(
                lambda: self._tools.crashes.suspected_until(self.partition)
            )
            while not self._ends():
                for records in self._chunks(await self._fetch()):
                    if self._ends():
                        return
                    began_s = time.monotonic()
                    await self._apply(records)
                    metrics.CONSUMER_BATCH_SECONDS.observe(time.monotonic() - began_s, topic=self.partition.topic)

    def _ends(self) -> bool:  # no further record is begun: the partition is left, or the process just heard to stop
        return self._stopping.is_set() or self._tools.told.is_set()

    async def _fetch(self) -> Sequence[Record]:
        self._fetching = True
        try:
            fetched = await self._tools.consumer.getmany(
                self.partition, timeout_ms=int(FETCH_WAIT_S * 1000), max_records=FETCH_RECORDS_MAX
            )
        finally:
            self._fetching = False
        if records := fetched.get(self.partition, []):
            self._tools.offsets.start(self.partition, records[0].offset)
        return list(records)

    def _chunks(self, records: Sequence[Record]) -> Iterator[Sequence[Record]]:
        for start in range(0, len(records), self._records_max):
            yield records[start : start + self._records_max]

    async def _apply(self, records: Sequence[Record]) -> None:
        readable: list[tuple[Record, Envelope]] = []
        for record in records:
            if is_for_another(record, self._tools.group):
                continue
            try:
                envelope = decode(record.key, record.value, record.headers)
            except PassedOver as error:
                self._tally.pass_over(error, record.offset)
            except Exception:  # noqa: BLE001 - its fate is decided when it is handled, after the records before it
                await self._apply_readable(readable)
                readable = []
                await self._apply_one(record)
            else:
                readable.append((record, envelope))
                self._tally.count_unknown(envelope)
        await self._apply_readable(readable)
        self._tools.offsets.finish(self.partition, records[-1].offset)

    async def _apply_readable(self, readable: Sequence[tuple[Record, Envelope]]) -> None:
        if not readable:
            return
        alone = len(readable) == 1 or readable[0][0].offset <= self._careful_until
        if alone or not await self._apply_together(readable):
            for record, _ in readable:
                if self._ends():
                    raise Stopped
                await self._apply_one(record)

    async def _apply_together(self, readable: Sequence[tuple[Record, Envelope]]) -> bool:
        """Handle several records in one call. Return False if it failed for a reason that may lie in a single record."""
        first, last = readable[0][0].offset, readable[-1][0].offset
        envelopes = [envelope for _, envelope in readable]
        marked = self._fresh
        while True:
            if marked:
                await self._patience.insist(lambda: self._tools.crashes.begin(self.partition, first, last))
            error = await self._attempt(lambda: self._call(envelopes, first), first if marked else None)
            if error is None:
                self._tools.offsets.finish(self.partition, last)
                await self._forget_marks(first, last, marked=marked)
                self._tally.count(Fate.HANDLED, len(readable))
                return True
            if marked:
                await self._patience.insist(lambda: self._tools.crashes.undo(self.partition, first))
            if fate_of(error) is not Fate.RETRYABLE:
                return False
            await self._patience.back_off(error)

    async def _apply_one(self, record: Record) -> None:
        marked = self._fresh or record.offset <= self._careful_until
        offset = record.offset
        while True:
            if marked:
                crashes = await self._patience.insist(lambda: self._tools.crashes.begin(self.partition, offset, offset))
                if crashes.count > CRASHES_MAX:
                    logger.critical("record_keeps_crashing", crashes=CRASHES_MAX, **self._tally.where(offset))
                    await self._put_aside(record, Why(Fate.BUG.value, crashes.error_class), marked=marked)
                    break
            error = await self._attempt(lambda: self._call_one(record), offset if marked else None)
            if error is None:
                self._tally.count(Fate.HANDLED)
                break
            fate = fate_of(error)
            if fate is Fate.BUG:
                await self._die_of(error, offset, marked=marked)
            if isinstance(error, PassedOver):
                self._tally.pass_over(error, offset)
                break
            if fate is Fate.REJECTED:
                await self._put_aside(record, Why.of(error), marked=marked)
                break
            if marked:
                await self._patience.insist(lambda: self._tools.crashes.undo(self.partition, offset))
            await self._patience.back_off(error)
        self._tools.offsets.finish(self.partition, offset)
        await self._forget_marks(offset, offset, marked=marked)

    async def _call_one(self, record: Record) -> None:
        headers = [(name, value or b"") for name, value in record.headers]  # Kafka allows a header without a value
        await self._call([decode(record.key, record.value, headers)], record.offset)

    async def _call(self, envelopes: Sequence[Envelope], offset: int) -> None:
        only = envelopes[0] if len(envelopes) == 1 else None
        with span(
            "consume",
            only.traceparent if only else None,
            event_type=only.type if only else None,
            records=len(envelopes),
            **self._tally.where(offset),
        ):
            await self._handle(envelopes)

    async def _attempt(self, call: Callable[[], Awaitable[None]], marked_at: int | None) -> Exception | None:
        """Call under the handler's deadline and return the error that it raised, if any."""
        try:
            async with asyncio.timeout(self._tools.handle_deadline_s) as deadline:
                await call()
        except asyncio.CancelledError:
            if marked_at is not None:
                await self._forgive(marked_at)
            raise
        except Exception as error:  # noqa: BLE001 - every error has a fate
            if deadline.expired() and isinstance(error, TimeoutError):
                return Retryable("the handler's deadline passed")
            return error
        self._patience.succeeded()
        return None

    async def _forgive(self, offset: int) -> None:
        """Take back the count of records that we stop handling on purpose; if that fails, one count too many remains."""
        with contextlib.suppress(Retryable, TimeoutError):
            async with asyncio.timeout(CANCEL_GRACE_S):
                await self._tools.crashes.undo(self.partition, offset)

    async def _forget_marks(self, first: int, last: int, *, marked: bool) -> None:
        if marked:
            start = 0 if self._fresh else first  # including rows that an earlier member could no longer clear
            await self._patience.insist(lambda: self._tools.crashes.end(self.partition, start, last))
        self._fresh = False

    async def _put_aside(self, record: Record, why: Why, *, marked: bool) -> None:
        try:
            await self._patience.insist(lambda: self._tools.dead_letters.put(record, why))
        except DeadLetterLimitReached:
            if marked:
                await self._forgive(record.offset)
            raise
        self._tally.count(Fate.BUG if why.reason == Fate.BUG else Fate.REJECTED)

    async def _die_of(self, error: Exception, offset: int, *, marked: bool) -> None:
        """Count the crash, then raise: the process ends, is restarted and reads the record again."""
        try:
            if not marked:
                await self._tools.crashes.begin(self.partition, offset, offset)
            await self._tools.crashes.name_error(self.partition, offset, error)
        except Retryable:
            logger.warning("crash_not_counted", **self._tally.where(offset))
        logger.error("record_crashes", error_class=type(error).__name__, **self._tally.where(offset))
        raise error
