"""Send a batch: claim it in the ledger, call the provider, record what came of it.

The claim and each record are short transactions; no vendor is called while one is open. Everything that is written is
fenced by the batch's attempt: a sender that lost its lease stops and writes nothing.
"""

import asyncio
import time
from contextlib import suppress
from uuid import UUID

import structlog

from gridcare.errors import Retryable
from gridcare.observability import metrics
from gridcare.postgres.database import Connection
from outage_notifier.ledger.store import attempt, batch, delivery, notice
from outage_notifier.ledger.store.batch import ClaimedBatch
from outage_notifier.sending.core.lease import Lease
from outage_notifier.sending.flow.batch_work import BatchWork, enumerate_places
from outage_notifier.sending.flow.send_pushes import send_pushes
from outage_notifier.sending.flow.send_texts import send_texts
from outage_notifier.sending.room import Sending

WATCH_INTERVAL_S = 1.0
"""How often a batch under way renews its lease and looks whether it was superseded."""

logger = structlog.get_logger()


async def send_batch(batch_id: UUID, stopping: asyncio.Event, *, room: Sending) -> None:
    """Send what is unsent of a batch; nothing when it is settled or leased elsewhere.

    When told to stop, no further call is started, what came back is recorded, and the lease is given back.
    """
    asked_at_s = time.monotonic()
    async with room.db.transaction() as tx:
        claimed = await batch.claim(tx, batch_id, lease_s=room.limits.lease_s)
        if claimed is None:
            return
        work = await _load(tx, room, claimed, asked_at_s)
    metrics.BATCHES_CLAIMED.inc(channel=claimed.channel, lane=claimed.lane)
    work.stopping = stopping
    watch = asyncio.create_task(_watch(work))
    try:
        send = send_pushes if claimed.channel == "push" else send_texts
        await send(work)
        await _end(work)
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


async def _load(tx: Connection, sending: Sending, claimed: ClaimedBatch, asked_at_s: float) -> BatchWork:
    """Read what the batch's members still need: everything for a fresh one, what was not recorded for another."""
    ids = {m.notice_id or claimed.notice_id for m in claimed.members}
    contents = await notice.contents(tx, [i for i in ids if i is not None])
    work = BatchWork(sending, claimed, contents, Lease(sending.limits.lease_s, asked_at_s + sending.limits.lease_s))
    if claimed.attempt == 1 and claimed.home:
        work.pending = list(enumerate_places(claimed.members))
        return work
    known = await delivery.find(tx, [work.key(member) for member in claimed.members])
    for place, member in enumerate_places(claimed.members):
        row = known.get(work.key(member))
        done = row is not None if claimed.home else row is None or row.follow_up_batch_id != claimed.batch_id
        if not done:
            work.pending.append((place, member))
    work.in_doubt = await attempt.in_doubt(tx, claimed.batch_id) if claimed.channel == "sms" else set()
    return work


async def _watch(work: BatchWork) -> None:
    """Renew the lease, and learn of a newer revision, while the batch is under way."""
    while not work.lease.lost:
        await asyncio.sleep(min(WATCH_INTERVAL_S, work.lease.duration_s / 4))
        asked_at_s = time.monotonic()
        with suppress(Retryable):  # the lease runs on meanwhile, and calls stop at its end
            async with work.sending.db.transaction() as tx:
                superseded = await batch.renew(
                    tx, work.claimed.batch_id, work.claimed.attempt, lease_s=work.lease.duration_s
                )
            if superseded is None:
                work.lease.lost = True
                metrics.BATCHES_LOST.inc(channel=work.claimed.channel)
                logger.warning("lease_lost", batch_id=str(work.claimed.batch_id))
                return
            work.lease.renewed(asked_at_s)
            work.lease.superseded |= superseded


async def _end(work: BatchWork) -> None:
    """Settle the batch, or give the lease back when something is left to send."""
    if work.lease.lost or work.settled:
        return
    async with work.sending.db.transaction() as tx:
        if not await batch.lock(tx, work.claimed.batch_id, work.claimed.attempt):
            return
        if work.left_unsent or not await batch.settle(tx, work.claimed.batch_id):
            await batch.release(tx, work.claimed.batch_id, work.claimed.attempt)
