"""Renew a batch's lease while it is sent, and learn whether a newer revision was published, or the channel stopped."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from gridcare.errors import Retryable
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from outage_notifier.ledger.core.batch import ClaimedBatch
from outage_notifier.ledger.store import batch
from outage_notifier.sending.core.lease import Lease
from outage_notifier.sending.room import Sending

RENEWAL_INTERVAL_S: Final = 1.0
"""A newer revision stops the calls of an older one within this time."""

RENEWALS_PER_LEASE: Final = 4
"""A short lease is renewed more often: three renewals may fail before it is over."""

logger = get_logger()


@asynccontextmanager
async def renewed_lease(claimed: ClaimedBatch, lease: Lease, *, room: Sending) -> AsyncIterator[None]:
    """Keep a lease renewed for as long as the block lasts."""
    renewing = asyncio.create_task(_keep_renewing(claimed, lease, room))
    try:
        yield
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing


async def _keep_renewing(claimed: ClaimedBatch, lease: Lease, room: Sending) -> None:
    while not lease.lost:
        await asyncio.sleep(min(RENEWAL_INTERVAL_S, lease.duration_s / RENEWALS_PER_LEASE))
        with suppress(Retryable):  # the lease runs on meanwhile, and calls stop at its end
            await renew_lease(claimed, lease, room=room)


async def renew_lease(claimed: ClaimedBatch, lease: Lease, *, room: Sending) -> None:
    """Renew a lease once, or note that it is lost. Raises Retryable."""
    requested_at_s = time.monotonic()
    async with room.db.transaction() as tx:
        renewed = await batch.renew(tx, claimed.batch_id, claimed.claim_number, lease_s=lease.duration_s)
    if renewed is None:
        lease.lost = True
        metrics.BATCHES_LOST.inc(channel=claimed.channel)
        logger.warning("lease_lost", batch_id=str(claimed.batch_id))
        return
    lease.renewed(requested_at_s)
    lease.superseded |= renewed.superseded
    if renewed.stopped:
        room.breakers[claimed.channel].is_open = True
