"""Publishes the outbox: read, send, wait for the acknowledgements, then delete in a short statement that checks the lock.

No transaction is open while records are sent. After a crash between the acknowledgement and the delete, the rows are
published again with the same event ids. What a partition does not take for now holds back only the keys that it concerns;
what the broker refuses for good goes to the quarantine.
"""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import asyncpg

from gridcare.errors import Rejected, Retryable
from gridcare.events import Wire
from gridcare.kafka.delivery.delivery import Fault
from gridcare.kafka.delivery.resting import PartitionRests
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from gridcare.postgres.database import direct_connection
from gridcare.postgres.relay import rows
from gridcare.postgres.relay.rows import NO_HORIZON, SESSION, Row
from gridcare.postgres.relay.shares import BALANCE_INTERVAL_S, Shares
from gridcare.process.backoff import Backoff
from gridcare.process.crash_points import reach
from gridcare.process.lifecycle import Lifecycle
from gridcare.process.pace import Pace

PAGE_SIZE_MAX = 2_000
"""Rows read at once, over all shards; after a crash at most this many are published again."""

SEND_DEADLINE_S = 15.0
"""How long a relay waits for acknowledgements: so long can a partition without a leader delay the others, now and then."""

BACKOFF_FIRST_S = 0.2
BACKOFF_MAX_S = 5.0

logger = get_logger()


class Publisher(Protocol):
    """What the relay needs from a producer (gridcare.kafka.produce)."""

    async def send_each(self, wires: Sequence[Wire]) -> list[Fault | None]: ...


@dataclass(slots=True)
class Round:
    """What one round did: rows published, refused for good, tried in vain, held back in all; whether more waits; its time."""

    published: int = 0
    refused: int = 0
    failed: int = 0
    held_back: int = 0
    more: bool = False
    took_s: float = 0
    error_class: str | None = None


async def run_relay(
    lifecycle: Lifecycle,
    *,
    database_url: str,
    application_name: str,
    producer: Publisher,
    balance_interval_s: float = BALANCE_INTERVAL_S,
) -> None:
    """Publish until told to stop, waiting while the database or the broker is away. Ready while it holds shards."""
    backoff = Backoff(first_s=BACKOFF_FIRST_S, limit_s=BACKOFF_MAX_S)
    while not lifecycle.stopping.is_set():
        try:
            async with direct_connection(
                database_url, application_name=application_name, settings=SESSION
            ) as connection:
                shares = Shares(connection, balance_interval_s=balance_interval_s)
                await _publish_until_told(lifecycle, connection, shares, producer, backoff)
        except Retryable as error:
            backoff_s = backoff.failed()
            logger.warning("relay_waits", error_class=type(error.__cause__ or error).__name__, backoff_s=backoff_s)
            await lifecycle.pause(backoff_s)
        finally:
            lifecycle.ready = False
            metrics.RELAY_SHARDS_HELD.set(0)


async def _publish_until_told(
    lifecycle: Lifecycle,
    connection: "asyncpg.Connection[asyncpg.Record]",
    shares: Shares,
    producer: Publisher,
    backoff: Backoff,
) -> None:
    last = Round()
    pace = Pace()
    while not lifecycle.stopping.is_set():
        lifecycle.beat()
        await shares.balance()
        lifecycle.ready = bool(shares.held)
        last = await publish_once(connection, sorted(shares.held), producer, past_held_back=last.held_back > 0)
        if last.published or last.held_back:
            pace.worked()
        if last.published or not last.failed:
            backoff.succeeded()
        if not last.more:
            await lifecycle.pause(_pause_s(last, backoff, pace))


def _pause_s(last: Round, backoff: Backoff, pace: Pace) -> float:
    if last.failed and not last.published:
        backoff_s = backoff.failed()
        logger.warning("relay_waits", error_class=last.error_class, backoff_s=backoff_s, records=last.held_back)
        return backoff_s
    if last.held_back:
        return max(pace.pause_s(), last.took_s)  # a long row of what is held back is read again in each round
    return pace.pause_s()


async def publish_once(
    connection: "asyncpg.Connection[asyncpg.Record]",
    shards: Sequence[int],
    producer: Publisher,
    *,
    past_held_back: bool = False,
    page_size_max: int = PAGE_SIZE_MAX,
) -> Round:
    """Publish the oldest rows of the shards whose locks this connection holds. Raises Retryable without the database.

    With `past_held_back`, a shard whose page holds rows that nobody takes for now is read on behind it, as far as what
    was there at the start: a key's later row that is committed meanwhile must not overtake an earlier one.
    """
    done = Round()
    began_s = time.monotonic()
    horizon = await rows.newest(connection) if past_held_back and shards else NO_HORIZON
    after = dict.fromkeys(shards, 0)
    blocked: set[tuple[str, bytes]] = set()
    oldest_s = 0.0
    while after:
        limit = max(1, page_size_max // len(after))
        page = await rows.read(connection, after, horizon, limit=limit)
        oldest_s = max([oldest_s, *(row.age_s for row in page)])
        await _publish_page(connection, page, blocked, producer, done)
        full = {shard for shard, found in Counter(row.shard for row in page).items() if found == limit}
        held_back = {row.shard for row in page if row.key in blocked}
        done.more |= bool(full - held_back)
        after = {row.shard: row.id for row in page if row.shard in full & held_back} if past_held_back else {}
    metrics.OUTBOX_OLDEST_UNSENT_SECONDS.set(oldest_s)
    done.took_s = time.monotonic() - began_s
    if done.published:
        metrics.RELAY_BATCH_SECONDS.observe(done.took_s)
    return done


async def _publish_page(
    connection: "asyncpg.Connection[asyncpg.Record]",
    page: Sequence[Row],
    blocked: set[tuple[str, bytes]],
    producer: Publisher,
    done: Round,
) -> None:
    sending = [row for row in page if row.key not in blocked]
    if sending:
        reach("relay.read")
        outcomes = await producer.send_each([row.wire for row in sending])
        reach("relay.acknowledged")
        taken = [row.id for row, fault in zip(sending, outcomes, strict=True) if fault is None]
        refused = [(row, fault) for row, fault in zip(sending, outcomes, strict=True) if isinstance(fault, Rejected)]
        for row, fault in zip(sending, outcomes, strict=True):
            if isinstance(fault, Retryable):
                blocked.add(row.key)
                if not isinstance(fault, PartitionRests):
                    done.failed += 1
                    done.error_class = type(fault.__cause__ or fault).__name__
        await rows.delete(connection, taken)
        await rows.quarantine(connection, {row.id: fault.reason for row, fault in refused})
        reach("relay.deleted")
        _tell_refused(refused)
        done.published += len(taken)
        done.refused += len(refused)
    done.held_back += sum(1 for row in page if row.key in blocked)


def _tell_refused(refused: Iterable[tuple[Row, Rejected]]) -> None:
    for row, fault in refused:
        metrics.RECORDS_QUARANTINED.inc(topic=row.wire.topic, reason=fault.reason)
        logger.error("record_quarantined", topic=row.wire.topic, reason=fault.reason, shard=row.shard)
