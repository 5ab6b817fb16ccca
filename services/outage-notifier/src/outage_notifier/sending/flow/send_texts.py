"""The SMS side of sending a batch: attempts are committed before their calls, a chunk at a time.

A call whose sender died is in doubt: it is not made again here, but handed over as unknown (receipts/flow/resolve_unknown.py).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gridcare.errors import Retryable
from gridcare.process.crash_points import reach
from outage_notifier.contacts import vault
from outage_notifier.contacts.store import contact
from outage_notifier.contacts.store.contact import SendingPhone
from outage_notifier.ledger.core.attempt import Attempt, body_hash
from outage_notifier.ledger.core.decision import Decision, Situation, choose_again
from outage_notifier.ledger.core.delivery import Delivery, State
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.ledger.store import attempt
from outage_notifier.sending.core.batch_to_send import BatchToSend, Pending
from outage_notifier.sending.core.not_called import BROKEN, NOT_STARTED
from outage_notifier.sending.core.texted import (
    Ended,
    Judged,
    TextedMember,
    delivery_of,
    doubted,
    ended_attempt,
    is_first_text,
)
from outage_notifier.sending.flow.last_check import LastCheck
from outage_notifier.sending.flow.record_outcomes import count_outcomes, lock_claimed, record_deliveries
from outage_notifier.sending.flow.stop_channel import heed, judge_calls
from outage_notifier.sending.flow.take_rate import take_rate
from outage_notifier.sending.flow.under_way import UnderWay
from outage_notifier.sending.room import Sending


@dataclass(frozen=True, slots=True)
class Text:
    """One SMS that is about to be sent, and the attempt that is committed first."""

    pending: Pending
    number: str = field(repr=False)
    masked: str
    body: str
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Texting:
    """What the steps of one batch share."""

    room: Sending
    to_send: BatchToSend
    under_way: UnderWay
    last_check: LastCheck
    phones: Mapping[str, SendingPhone]
    judged: Judged = field(default_factory=Judged)


async def send_texts(to_send: BatchToSend, under_way: UnderWay, *, room: Sending) -> None:
    """Send to the pending members, `sms_chunk_size` at a time.

    One transaction records the ends of a chunk and commits the next one's attempts. A member that fails leaves its neighbours
    alone: a chunk has ended only when all of its calls have.
    """
    async with room.db.read() as connection:
        phones = await contact.phones(
            connection, [each.member.contacts[0] for each in to_send.pending if each.member.contacts]
        )
    last_check = LastCheck(to_send, under_way.lease, room.clock, room.quiet_hours)
    texting = Texting(room, to_send, under_way, last_check, phones)
    ended, size = Ended(), room.limits.sms_chunk_size
    for start in range(0, len(to_send.pending), size):
        if not under_way.may_call():
            break
        unsent, texts = _prepare(texting, to_send.pending[start : start + size])
        if not await _record(texting, ended, unsent=unsent, begun=[text.attempt for text in texts]):
            return
        reach("sender.text-begun")
        outcomes = await asyncio.gather(*(_call(texting, text) for text in texts))
        ended = _end(texting, texts, outcomes)
    if await _record(texting, ended, unsent=[], begun=[]):
        await _record_refused(texting)


def _prepare(texting: Texting, chunk: Sequence[Pending]) -> tuple[list[Delivery], list[Text]]:
    """Return the rows of those who are not sent anything now, and the texts of the others."""
    unsent: list[Delivery] = []
    texts: list[Text] = []
    for pending in chunk:
        try:
            prepared = _prepare_one(texting, pending)
        except Exception as error:  # noqa: BLE001 - raised by send_batch, after the neighbours are sent
            texting.under_way.failed(error)
            continue
        if isinstance(prepared, Text):
            texts.append(prepared)
        else:
            unsent.append(prepared)
    return unsent, texts


def _prepare_one(texting: Texting, pending: Pending) -> Text | Delivery:
    to_send, member, now = texting.to_send, pending.member, texting.room.clock.now()
    phone = texting.phones.get(member.contacts[0]) if member.contacts else None
    unsent = to_send.doubt(pending, now) or texting.last_check.why_unsent(pending)
    usable = unsent or _usable(phone, to_send.situation(pending, now))
    if isinstance(usable, Decision):
        masked = phone.masked if phone else ""
        return to_send.delivery(pending, usable, contact=masked, called=False, now=now)
    number = texting.room.vault.open(usable.number_sealed, vault.PHONE, row=usable.customer_code).decode()
    body = texting.room.renderer.sms(pending.content, member.language)
    return Text(pending, number, usable.masked, body, _begin(texting, pending, body, now))


def _usable(phone: SendingPhone | None, situation: Situation) -> SendingPhone | Decision:
    """Return the phone, or what becomes of a member whose phone cannot be used any more."""
    if phone is None or phone.removed:
        return choose_again(Decision(State.UNREACHABLE, "contact-removed"), situation, channel="sms")
    if phone.opted_out:
        return choose_again(Decision(State.OPTED_OUT, "opted-out"), situation, channel="sms")
    if phone.bad_reason:
        return choose_again(Decision(State.UNREACHABLE, "bad-contact"), situation, channel="sms")
    return phone


def _begin(texting: Texting, pending: Pending, body: str, now: datetime) -> Attempt:
    claimed = texting.to_send.claimed
    contact_number, member, content = pending
    return Attempt(
        batch_id=claimed.batch_id,
        contact_number=contact_number,
        try_=claimed.claim_number,
        notice_id=content.notice_id,
        recipient_id=member.recipient_id,
        channel="sms",
        contact_id=member.contacts[0],
        started_at=now,
        body_hash=body_hash(body),
        not_before=texting.room.sms.provider_time(),
    )


async def _call(texting: Texting, text: Text) -> Outcome | None:
    """Send one. Return None if it may no longer start, or could not."""
    room = texting.room
    try:
        await take_rate(room.rates["sms"], texting.to_send.claimed.lane, room=room)
    except Retryable as error:
        texting.under_way.failed(error)
        return None
    if not texting.under_way.may_call():
        return None
    try:
        outcome = await room.sms.send(
            to=text.number,
            body=text.body,
            callback_ref=str(text.attempt.name),
            validity_s=int((text.pending.content.useful_until - room.clock.now()).total_seconds()),
        )
    except Exception as error:  # noqa: BLE001 - raised by send_batch, after the neighbours are sent
        texting.under_way.failed(error)
        return BROKEN
    reach("sender.text-accepted")
    if texting.under_way.probes or outcome.kind is OutcomeKind.MISCONFIGURED:
        try:
            await heed(outcome, "sms", texting.under_way, room=room)
        except Retryable as error:
            texting.under_way.failed(error)
    return outcome


def _end(texting: Texting, texts: Sequence[Text], outcomes: Sequence[Outcome | None]) -> Ended:
    """Decide what follows a chunk's outcomes, but for the refused ones: whether they are believed is judged at the end.

    A call that was not started ends as `retry`; its member stays pending, and so does one whose call failed by a fault of ours.
    """
    to_send, now, judged = texting.to_send, texting.room.clock.now(), texting.judged
    deliveries: list[Delivery] = []
    opted_out: list[str] = []
    for text, outcome in zip(texts, outcomes, strict=True):
        if outcome is None or outcome.kind is OutcomeKind.MISCONFIGURED:
            continue
        texted = TextedMember(text.pending, text.attempt.contact_id, text.masked, outcome)
        if outcome.may_be_ours:
            judged.refused.append(texted)
            continue
        judged.taken += outcome.kind is OutcomeKind.ACCEPTED and is_first_text(texted, to_send)
        if outcome.opted_out:
            opted_out.append(texted.contact_id)
        deliveries.append(delivery_of(texted, to_send, now))
    attempts = [
        ended_attempt(text.attempt, outcome or NOT_STARTED, now) for text, outcome in zip(texts, outcomes, strict=True)
    ]
    return Ended(deliveries, attempts, phones_opted_out=opted_out)


async def _record_refused(texting: Texting) -> None:
    """Record who was refused, unless the fault may be ours: then they are asked again.

    A phone that nothing can reach is marked bad.
    """
    room, to_send, under_way, judged = texting.room, texting.to_send, texting.under_way, texting.judged
    doubts = under_way.probes
    if not doubts:
        losers = [each.pending.member.recipient_id for each in judged.refused if is_first_text(each, to_send)]
        doubts = await judge_calls("sms", taken=judged.taken, lost=len(losers), losers=losers, room=room)
    if not judged.refused:
        return
    if under_way.breaker.is_open:
        under_way.left_unsent = True
        return
    ends = [doubted(texted, to_send) if doubts else texted for texted in judged.refused]
    now = room.clock.now()
    deliveries = [delivery_of(texted, to_send, now) for texted in ends]
    bad = [(texted.contact_id, texted.outcome.code) for texted in ends if texted.outcome.contact_dead]
    await _record(texting, Ended(deliveries, phones_bad=bad), unsent=[], begun=[])


async def _record(texting: Texting, ended: Ended, *, unsent: Sequence[Delivery], begun: Sequence[Attempt]) -> bool:
    """Write what ended and what is not sent, and the attempts that begin. Return False when the lease is gone."""
    claimed, now = texting.to_send.claimed, texting.room.clock.now()
    deliveries = [*ended.deliveries, *unsent]
    async with texting.room.db.transaction() as tx:
        if not await lock_claimed(tx, claimed, texting.under_way.lease):
            return False
        await attempt.complete(tx, claimed.batch_id, ended.attempts)
        await record_deliveries(tx, claimed, deliveries)
        if ended.phones_bad:
            await contact.mark_bad(tx, ended.phones_bad, now=now)
        if ended.phones_opted_out:
            await contact.mark_opted_out(tx, ended.phones_opted_out, now=now)
        await attempt.insert(tx, begun)
    reach("sender.recorded")
    count_outcomes(claimed.channel, deliveries, ended.attempts)
    return True
