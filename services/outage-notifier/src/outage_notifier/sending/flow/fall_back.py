"""Look after the batches that wait for a stopped channel: who has a phone gets an SMS in time, and what is useless ends.

What is useless ends in a parked batch too: its notice would stay open for ever, and with it the month of its ledger.
"""

from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import UUID

from gridcare.postgres.database import Connection
from gridcare.postgres.poison import store as poison
from gridcare.postgres.poison.guard import Hand
from outage_notifier.contacts.store import contact
from outage_notifier.ledger.core.delivery import DeliveryKey
from outage_notifier.ledger.store import attempt, batch, breaker, delivery, notice
from outage_notifier.sending.core.batch_to_send import BatchToSend, notice_id_of, pending_of
from outage_notifier.sending.core.stopped import decide_stopped, look_at
from outage_notifier.sending.flow.record_outcomes import record_deliveries
from outage_notifier.sending.room import Waiting

STOPPED_DUE: Final = batch.ANY_STOPPED


async def fall_back(*, room: Waiting) -> int:
    """Look after one batch of a stopped channel, or a parked one that is over. Return 0 if none is due. Raises Retryable."""
    return await room.guard.each("fall-back", partial(_look_after, room), limit=1)


async def _look_after(room: Waiting, hand: Hand, _: int) -> int:
    """Look after one batch, under a claim number of its own: a sender whose lease ran out writes nothing any more."""
    async with room.db.transaction() as tx:
        now = room.clock.now()
        opened = {state.channel: state.opened_at for state in (await breaker.read(tx)).values() if state.opened_at}
        batch_id = await batch.find_stopped(tx, list(opened), now=now)
        if batch_id is None:
            return 0
        await hand.take([str(batch_id)])
        claimed = await batch.take_stopped(tx, batch_id)
        opened_at = opened.get(claimed.channel)
        since = max(opened_at, _cut_at(claimed.batch_id)) if opened_at else None
        keys = [(notice_id_of(member, claimed), member.recipient_id) for member in claimed.members]
        contents = await notice.contents(tx, list({notice_id for notice_id, _ in keys}))
        if not claimed.home:
            await batch.lock_many(tx, [member.home_batch_id for member in claimed.members if member.home_batch_id])
        in_doubt = await attempt.in_doubt(tx, claimed.batch_id) if claimed.channel == "sms" else frozenset()
        pending = pending_of(claimed, contents, await delivery.find(tx, keys))
        to_send = BatchToSend(claimed, pending, in_doubt, room.first_look)
        decided = [(each, decide_stopped(each, to_send, since=since, now=now)) for each in pending]
        masked = await _doubtful_phones(tx, to_send)
        rows = [
            to_send.delivery(each, decision, contact=masked.get(each.key, ""), called=False, now=now)
            for each, decision in decided
            if decision is not None
        ]
        await record_deliveries(tx, claimed, rows)
        waiting = [each for each, decision in decided if decision is None]
        if not waiting and await batch.settle(tx, claimed.batch_id):
            await poison.end(tx, "batch", [str(claimed.batch_id)])  # nothing is left to be released
        else:
            await batch.look_again(tx, claimed.batch_id, at=look_at(waiting, since=since, now=now))
    return 1


async def _doubtful_phones(tx: Connection, to_send: BatchToSend) -> dict[DeliveryKey, str]:
    """Return the masked numbers to which an SMS may have gone, by delivery."""
    called = {each.key: each.member.contacts[0] for each in to_send.pending if each.key in to_send.in_doubt}
    phones = await contact.phones(tx, list(called.values())) if called else {}
    return {key: phones[contact_id].masked for key, contact_id in called.items() if contact_id in phones}


def _cut_at(batch_id: UUID) -> datetime:
    """Return when a batch was cut: a UUIDv7 begins with its time in milliseconds (RFC 9562)."""
    return datetime.fromtimestamp((batch_id.int >> 80) / 1000, UTC)
