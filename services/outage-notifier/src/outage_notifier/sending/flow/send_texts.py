"""The SMS side of sending a batch: each attempt is committed before its call, a chunk at a time.

A call whose sender died is in doubt: it is not made again here, but handed over as unknown (receipts/flow/resolve_unknown.py).
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from outage_notifier.contacts import vault
from outage_notifier.contacts.store import contact
from outage_notifier.contacts.store.contact import SendingPhone
from outage_notifier.ledger.core.attempt import Attempt, body_hash
from outage_notifier.ledger.core.delivery import Decision, Delivery, State, decide_sms
from outage_notifier.ledger.core.member import Member
from outage_notifier.ledger.core.outcome import Outcome
from outage_notifier.ledger.store import attempt, delivery
from outage_notifier.sending.flow.batch_work import BatchWork
from outage_notifier.sending.room import NOT_STARTED

VALIDITY_MAX_S = 36_000
"""Twilio's limit of ValidityPeriod."""


class Text(Struct, frozen=True):
    """One SMS that is about to be sent."""

    member: Member
    phone: SendingPhone
    body: str
    attempt: Attempt


class Chunk(Struct, frozen=True):
    """What one transaction writes: the ends of the chunk before, and the beginnings of the next."""

    deliveries: Sequence[Delivery]
    ended: Sequence[Attempt]
    phones_bad: Sequence[tuple[str, str]]
    phones_opted_out: Sequence[str]


NOTHING = Chunk((), (), (), ())


async def send_texts(work: BatchWork) -> None:
    """Send to the pending members, `sms_chunk_size` at a time."""
    async with work.sending.db.read() as connection:
        phones = await contact.phones(connection, [m.contacts[0] for _, m in work.pending if m.contacts])
    size = work.sending.limits.sms_chunk_size
    before = NOTHING
    for start in range(0, len(work.pending), size):
        if not work.may_call():
            break
        unsent, texts = _prepare(work, work.pending[start : start + size], phones)
        begun = replace(before, deliveries=[*before.deliveries, *unsent])
        if not await _write(work, begun, [text.attempt for text in texts]):
            return
        outcomes = await asyncio.gather(*(_call(work, text) for text in texts))
        before = _ended(work, texts, outcomes)
    await _write(work, before, [])


def _prepare(
    work: BatchWork, chunk: Sequence[tuple[int, Member]], phones: dict[str, SendingPhone]
) -> tuple[list[Delivery], list[Text]]:
    unsent: list[Delivery] = []
    texts: list[Text] = []
    now = work.sending.clock.now()
    for place, member in chunk:
        phone = phones.get(member.contacts[0]) if member.contacts else None
        decision = _in_doubt(work, member) or work.unsent(member) or _unreachable(phone)
        if decision is not None or phone is None:
            decision = decision or Decision(State.UNREACHABLE, "no-contact")
            contact_masked = phone.masked if phone else ""
            unsent.append(work.delivery(member, decision, contact=contact_masked, called=False, now=now))
        else:
            body = work.sending.renderer.sms(work.contents[work.notice_id(member)], member.language)
            texts.append(Text(member, phone, body, _attempt(work, place, member, body, now)))
    return unsent, texts


def _in_doubt(work: BatchWork, member: Member) -> Decision | None:
    if work.key(member) not in work.in_doubt:
        return None
    return Decision(State.UNKNOWN, "sender-died", work.sending.clock.now() + work.sending.limits.first_look, "sms")


def _unreachable(phone: SendingPhone | None) -> Decision | None:
    if phone is None:
        return Decision(State.UNREACHABLE, "contact-removed")
    if phone.opted_out:
        return Decision(State.OPTED_OUT, "opted-out")
    return Decision(State.UNREACHABLE, "bad-contact") if phone.bad_reason else None


def _attempt(work: BatchWork, place: int, member: Member, body: str, now: datetime) -> Attempt:
    return Attempt(
        batch_id=work.claimed.batch_id,
        place=place,
        try_=work.claimed.attempt,
        notice_id=work.notice_id(member),
        recipient_id=member.recipient_id,
        channel="sms",
        contact_id=member.contacts[0],
        started_at=now,
        body_hash=body_hash(body),
    )


async def _call(work: BatchWork, text: Text) -> Outcome | None:
    """Send one; None when it may not start any more."""
    await work.sending.rates["sms"].take(work.claimed.lane)
    if not work.may_call():
        return None
    content = work.contents[work.notice_id(text.member)]
    left_s = int((content.useful_until - work.sending.clock.now()).total_seconds())
    number = work.sending.vault.open(text.phone.number_sealed, vault.PHONE)
    send = partial(
        work.sending.sms.send,
        to=number.decode(),
        body=text.body,
        callback_ref=f"{work.claimed.batch_id}.{text.attempt.place}.{text.attempt.try_}",
        validity_s=max(1, min(left_s, VALIDITY_MAX_S)),
    )
    return await work.breaker.guard(send)


def _ended(work: BatchWork, texts: Sequence[Text], outcomes: Sequence[Outcome | None]) -> Chunk:
    """Decide what a chunk's outcomes come to. A call that was not started is ended as `retry` and left pending."""
    deliveries, ended, bad, opted_out = [], [], [], []
    now = work.sending.clock.now()
    for text, outcome in zip(texts, outcomes, strict=True):
        end = outcome or NOT_STARTED
        ended.append(
            replace(
                text.attempt,
                ended_at=now,
                outcome=end.kind,
                error_code=end.code or None,
                provider_message_id=end.message_id,
            )
        )
        if outcome is None:
            continue
        if outcome.opted_out:
            opted_out.append(text.attempt.contact_id)
        elif outcome.contact_dead:
            bad.append((text.attempt.contact_id, outcome.code))
        decision = decide_sms(outcome, work.situation(text.member, now))
        deliveries.append(work.delivery(text.member, decision, contact=text.phone.masked, called=True, now=now))
    return Chunk(deliveries, ended, bad, opted_out)


async def _write(work: BatchWork, chunk: Chunk, begun: Sequence[Attempt]) -> bool:
    """Record a chunk and commit the next one's attempts; false when the lease is gone and nothing was written."""
    async with work.sending.db.transaction() as tx:
        if not await work.fence(tx):
            return False
        now = work.sending.clock.now()
        await attempt.complete(tx, work.claimed.batch_id, chunk.ended)
        await delivery.record(tx, chunk.deliveries)
        if chunk.phones_bad:
            await contact.mark_bad(tx, chunk.phones_bad, now=now)
        if chunk.phones_opted_out:
            await contact.mark_opted_out(tx, chunk.phones_opted_out, now=now)
        await attempt.insert(tx, begun)
    work.count(chunk.deliveries, chunk.ended)
    return True
