"""The push side of sending a batch: every live device of a recipient gets one push, one call each, many at a time."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from gridcare.errors import Retryable
from gridcare.process.crash_points import reach
from outage_notifier.contacts import vault
from outage_notifier.contacts.store import contact
from outage_notifier.contacts.store.contact import SendingDevice
from outage_notifier.ledger.core.delivery import Delivery
from outage_notifier.ledger.core.delivery_id import DeliveryId
from outage_notifier.ledger.core.outcome import OutcomeKind
from outage_notifier.ledger.store import attempt, batch
from outage_notifier.providers.fcm.message import PushMessage
from outage_notifier.sending.core.batch_to_send import BatchToSend, Pending
from outage_notifier.sending.core.pushed import PushCall, PushedMember, attempts_of, blamed_on_us, delivery_of, doubted
from outage_notifier.sending.flow.last_check import LastCheck
from outage_notifier.sending.flow.record_outcomes import count_outcomes, lock_claimed, record_deliveries
from outage_notifier.sending.flow.stop_channel import heed, judge_calls
from outage_notifier.sending.flow.take_rate import take_rate
from outage_notifier.sending.flow.under_way import UnderWay
from outage_notifier.sending.room import Sending


@dataclass(slots=True)
class Unrecorded:
    """What waits to be recorded: who was pushed to, who is not to be, and who has devices that were refused.

    `taken` counts the first calls that were accepted.
    """

    pushed: list[PushedMember] = field(default_factory=list)
    unsent: list[Delivery] = field(default_factory=list)
    doubtful: list[PushedMember] = field(default_factory=list)
    taken: int = 0


@dataclass(frozen=True, slots=True)
class Pushing:
    """What the callers of one batch share; `messages` are those that were made, by notice and language."""

    room: Sending
    to_send: BatchToSend
    under_way: UnderWay
    last_check: LastCheck
    devices: Mapping[tuple[str, str], SendingDevice]
    messages: dict[tuple[UUID, str], PushMessage] = field(default_factory=dict)
    unrecorded: Unrecorded = field(default_factory=Unrecorded)


async def send_pushes(to_send: BatchToSend, under_way: UnderWay, *, room: Sending) -> None:
    """Call every device of the pending members; record at least every `record_interval_s`.

    A few callers share the members: one task per member would cost more than the work around its call. The batch may settle
    only when all of them have ended.
    """
    limits = room.limits
    device_ids = [device_id for pending in to_send.pending for device_id in pending.member.contacts]
    async with room.db.read() as connection:
        devices = await contact.devices(connection, device_ids)
    last_check = LastCheck(to_send, under_way.lease, room.clock, room.quiet_hours)
    pushing = Pushing(room, to_send, under_way, last_check, devices)
    waiting = iter(to_send.pending)
    callers = [
        asyncio.create_task(_push_members(pushing, waiting))
        for _ in range(min(limits.push_concurrency, len(to_send.pending)))
    ]
    calling = asyncio.gather(*callers, return_exceptions=True)  # done only when each of them has ended, whatever fails
    try:
        ended = False
        while not ended:
            await asyncio.wait({calling}, timeout=limits.record_interval_s)
            ended = calling.done()  # looked at before recording: what ends meanwhile is to be recorded too
            if not await _record_ended(pushing, last=ended):
                return
        await _record_doubtful(pushing)
    finally:
        for caller in callers:
            caller.cancel()
        await calling


async def _push_members(pushing: Pushing, waiting: Iterator[Pending]) -> None:
    """Push to one member after another; the outcomes wait to be recorded. A member that fails leaves its neighbours alone."""
    unrecorded = pushing.unrecorded
    for pending in waiting:
        calls: list[PushCall] = []
        try:
            result = await _push_member(pushing, pending, calls)
        except Exception as error:  # noqa: BLE001 - raised by send_batch, after the neighbours are sent
            pushing.under_way.failed(error)
            if isinstance(error, Retryable):  # the database is away: the next member would fail too
                return
            result = PushedMember(pending, calls, cut_short=True) if calls else None
        if isinstance(result, Delivery):
            unrecorded.unsent.append(result)
        elif result is not None:
            (unrecorded.doubtful if result.refused else unrecorded.pushed).append(result)


async def _push_member(pushing: Pushing, pending: Pending, calls: list[PushCall]) -> PushedMember | Delivery | None:
    """Call a member's devices one after another, and add each call that ended to `calls`.

    Return a row at once for a member that is not to be sent, and None for one that may not be called any more.
    """
    room, to_send, member = pushing.room, pushing.to_send, pending.member
    clock, rate, lane = room.clock, room.rates["push"], to_send.claimed.lane
    cut_short = False
    for device_id in member.contacts:
        device = pushing.devices.get((member.recipient_id, device_id))
        if device is None:  # logged out, moved to another account, or pruned
            continue
        if not rate.take_now(lane):
            await take_rate(rate, lane, room=room)
        decision = pushing.last_check.why_unsent(pending)
        if decision is not None:
            if not calls:
                return to_send.delivery(pending, decision, contact="", called=False, now=clock.now())
            cut_short = decision.next_attempt_at is not None  # held; else there is no use in going on
            break
        if not pushing.under_way.may_call():
            if not calls:
                return None
            cut_short = True
            break
        body = _body(pushing, pending, device)
        started_at = clock.now()
        outcome = await room.push.send(body)
        reach("sender.push-accepted")
        calls.append(PushCall(device_id, started_at, clock.now(), outcome))
        if pushing.under_way.probes or outcome.kind is OutcomeKind.MISCONFIGURED:
            await heed(outcome, "push", pushing.under_way, room=room)
    return PushedMember(pending, calls, cut_short)


def _body(pushing: Pushing, pending: Pending, device: SendingDevice) -> bytes:
    """Return the whole request of one device."""
    room, member, content = pushing.room, pending.member, pending.content
    message = pushing.messages.get((content.notice_id, member.language))
    if message is None:
        left_s = int((content.useful_until - room.clock.now()).total_seconds())
        message = room.renderer.push(content, member.language, ttl_s=left_s)
        pushing.messages[content.notice_id, member.language] = message
    registration = room.vault.open(device.registration_sealed, vault.DEVICE, row=device.device_id).decode()
    delivery_id = DeliveryId(content.notice_id, member.number)
    return message.body(kind=device.kind, registration=registration, delivery_id=str(delivery_id))


async def _record_ended(pushing: Pushing, *, last: bool) -> bool:
    """Record what ended since the last time, `last` when all calls have. Return False when the lease is gone."""
    unrecorded = pushing.unrecorded
    pushed, unrecorded.pushed = unrecorded.pushed, []
    unsent, unrecorded.unsent = unrecorded.unsent, []
    if not pushed and not unsent:
        return True
    return await _record(pushing, pushed, unsent, last=last and not unrecorded.doubtful)


async def _record(pushing: Pushing, pushed: list[PushedMember], unsent: list[Delivery], *, last: bool) -> bool:
    """Write outcomes, fenced. Return False when the lease is gone and nothing was written.

    With the `last` ones the batch settles in the same transaction, unless something is left to send. A device that is gone is
    pruned and one of another sender's is put aside in it too, so that the contacts that are chosen next are without them.
    """
    room, to_send, under_way, claimed = pushing.room, pushing.to_send, pushing.under_way, pushing.to_send.claimed
    now = room.clock.now()
    deliveries = [*unsent, *(delivery_of(each, to_send, now) for each in pushed if not each.is_blocked)]
    attempts = [call for each in pushed for call in attempts_of(each, to_send)]
    gone = [device_id for each in pushed for device_id in each.gone]
    foreign = [device for each in pushed for device in each.foreign]
    pushing.unrecorded.taken += sum(len(each.taken) for each in pushed if each.is_first_try)
    settled = False
    async with room.db.transaction() as tx:
        if not await lock_claimed(tx, claimed, under_way.lease):
            return False
        await attempt.insert(tx, attempts)
        await record_deliveries(tx, claimed, deliveries)
        if gone:
            await contact.prune_devices(tx, gone)
        if foreign:
            await contact.put_devices_aside(tx, foreign, now=now)
        if last and not under_way.left_unsent:
            settled = await batch.settle(tx, claimed.batch_id)
    reach("sender.recorded")
    under_way.settled = settled
    count_outcomes(claimed.channel, deliveries, attempts)
    return True


async def _record_doubtful(pushing: Pushing) -> None:
    """Record who has devices that were refused, unless the fault may be ours: then their devices are asked again."""
    unrecorded, under_way = pushing.unrecorded, pushing.under_way
    doubtful = unrecorded.doubtful
    doubts = under_way.probes
    if not doubts:
        first = [pushed for pushed in doubtful if pushed.is_first_try]
        losers = [pushed.pending.member.recipient_id for pushed in first]
        lost = sum(pushed.refused for pushed in first)
        doubts = await judge_calls("push", taken=unrecorded.taken, lost=lost, losers=losers, room=pushing.room)
    if not doubtful:
        return
    if under_way.breaker.is_open:
        under_way.left_unsent = True
        await _record(pushing, [blamed_on_us(pushed) for pushed in doubtful], [], last=False)
    else:
        await _record(pushing, [doubted(pushed) for pushed in doubtful] if doubts else doubtful, [], last=False)
