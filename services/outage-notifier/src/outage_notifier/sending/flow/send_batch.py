"""Send a batch: claim it in the ledger, call the provider, record the outcomes.

The claim and each record are short transactions; no provider is called while one is open. Everything that is written is
fenced by the claim number: a sender that lost its lease stops and writes nothing.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final
from uuid import UUID

from gridcare.events.notices import Channel, Lane
from gridcare.observability import metrics
from gridcare.postgres.database import Connection
from gridcare.process.crash_points import reach
from outage_notifier.ledger.core.batch import ClaimedBatch
from outage_notifier.ledger.core.delivery import Delivery, DeliveryKey
from outage_notifier.ledger.store import attempt, batch, delivery, notice
from outage_notifier.sending.core.batch_to_send import BatchToSend, is_fresh, notice_id_of, one_by_one, pending_of
from outage_notifier.sending.core.lease import Lease
from outage_notifier.sending.flow.renew_lease import renewed_lease
from outage_notifier.sending.flow.send_pushes import send_pushes
from outage_notifier.sending.flow.send_texts import send_texts
from outage_notifier.sending.flow.under_way import UnderWay
from outage_notifier.sending.room import Sending

SILENT_S: Final = 5.0
"""A hint takes milliseconds; a batch whose hint is this old is looked for in the ledger."""


async def send_batch(batch_id: UUID, stopping: asyncio.Event, *, room: Sending, probes: bool = False) -> bool:
    """Send the unsent part of a batch; nothing if it is settled, leased elsewhere, parked, or its channel stopped.

    One that `probes` a stopped channel makes a few calls, one after another, until it is known whether the fault is mended.
    Return whether it could be claimed. Raises Retryable.

    When `stopping` is set, no further call is started, what came back is recorded, and the lease is given back. An error of
    one member is raised once the others are sent and recorded; it is counted, and the batch rests. What was claimed before
    is counted before it is sent: it may be what kills its senders.
    """
    claims: list[ClaimedBatch] = []
    work = partial(_claim_and_send, batch_id, stopping, room, claims=claims, probes=probes)
    await room.guard.run("batch", str(batch_id), work, seen_before=False)
    return bool(claims)


async def send_next(channel: Channel, lane: Lane, stopping: asyncio.Event, *, room: Sending) -> bool:
    """Send the free batch of a lane whose use ends first, as `send_batch` does. Return False if there is none."""
    while True:
        async with room.db.read() as connection:
            batch_id = await batch.next_waiting(connection, channel, lane)
        if batch_id is None:
            return False
        if await send_batch(batch_id, stopping, room=room):  # else another claimed it just now: the next one is ours
            return True


async def find_unheard(*, room: Sending) -> list[tuple[Channel, Lane]]:
    """Find the channels and lanes, urgent ones first, in which a free batch waits whose hint is SILENT_S old. One statement."""
    async with room.db.read() as connection:
        return await batch.unheard(connection, silent_s=SILENT_S)


async def _claim_and_send(
    batch_id: UUID, stopping: asyncio.Event, room: Sending, *, claims: list[ClaimedBatch], probes: bool
) -> None:
    """Add to `claims` what could be claimed, and send it."""
    limits = room.limits
    claimed_at_s = time.monotonic()
    async with room.db.transaction() as tx:
        claimed = await batch.claim(tx, batch_id, lease_s=limits.lease_s, probes=probes)
        if claimed is None:
            return
        to_send = await _load(tx, claimed, room)
    claims.append(claimed)
    reach("sender.claimed")
    metrics.BATCHES_CLAIMED.inc(channel=claimed.channel, lane=claimed.lane)
    lease = Lease(limits.lease_s, claimed_at_s + limits.lease_s)
    breaker = room.breakers[claimed.channel]
    breaker.is_open = probes
    under_way = UnderWay(lease, stopping, limits.call_timeout_s, breaker, probes)
    if probes:
        to_send, room = one_by_one(to_send), replace(room, limits=replace(limits, push_concurrency=1, sms_chunk_size=1))
    async with renewed_lease(claimed, lease, room=room):
        sent = await room.guard.run(
            "batch",
            str(batch_id),
            partial(_send, to_send, under_way, room),
            seen_before=not is_fresh(claimed),
            progress=f"{len(to_send.pending)} left",
        )
    under_way.left_unsent |= not sent
    await _settle_or_release(claimed, under_way, room)  # nothing renews a lease that was given back


async def _send(to_send: BatchToSend, under_way: UnderWay, room: Sending) -> None:
    if to_send.claimed.channel == "push":
        await send_pushes(to_send, under_way, room=room)
    else:
        await send_texts(to_send, under_way, room=room)
    under_way.raise_error()


async def _load(tx: Connection, claimed: ClaimedBatch, room: Sending) -> BatchToSend:
    """Read what is left to send: all members of a fresh batch, and of any other those that are not recorded."""
    keys = [(notice_id_of(member, claimed), member.recipient_id) for member in claimed.members]
    contents = await notice.contents(tx, list({notice_id for notice_id, _ in keys}))
    recorded: Mapping[DeliveryKey, Delivery] = {}
    in_doubt: frozenset[DeliveryKey] = frozenset()
    if not is_fresh(claimed):
        recorded = await delivery.find(tx, keys)
        in_doubt = await attempt.in_doubt(tx, claimed.batch_id) if claimed.channel == "sms" else in_doubt
    texted = frozenset(key for key, row in recorded.items() if row.channel == "sms" and row.tries)
    return BatchToSend(claimed, pending_of(claimed, contents, recorded), in_doubt, room.limits.first_look, texted)


async def _settle_or_release(claimed: ClaimedBatch, under_way: UnderWay, room: Sending) -> None:
    """Settle the batch, or give the lease back when something is left to send."""
    if under_way.lease.lost or under_way.settled:
        return
    async with room.db.transaction() as tx:
        if not await batch.lock(tx, claimed.batch_id, claimed.claim_number):
            return
        if under_way.left_unsent or not await batch.settle(tx, claimed.batch_id):
            await batch.release(tx, claimed.batch_id, claimed.claim_number)
