"""Ask a payment's provider what became of it, when its time has passed and no callback came: one may have been lost.

claim → ask → record: claiming moves the moment of the next question ahead, further than any call lasts, so that nobody else asks
meanwhile and a process that dies leaves the payment to be asked about again. An answer about money is stored and handled like a
callback, in one transaction; as it has a callback's key, whichever comes second is a repeat.
"""

import asyncio
from functools import partial
from typing import Final
from uuid import UUID

from billing_gateway.callbacks import store as provider_event
from billing_gateway.callbacks.core import HandlingOutcome, ProviderEvent
from billing_gateway.callbacks.flow.handle_provider_event import apply_event, log_handled
from billing_gateway.callbacks.room import CallingProvider, Inquiries
from billing_gateway.payments import store as payment
from billing_gateway.payments.core import DuePayment, Payment, expired, gives_up, next_ask_at
from billing_gateway.providers.core import Inquiry, InquiryResult, SignedMessage, Unreadable
from gridcare.errors import NotFound
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from gridcare.postgres import token_buckets
from gridcare.postgres.poison.guard import Hand
from gridcare.process.crash_points import reach
from gridcare.values.ids import uuid7

BATCH_SIZE_MAX: Final = 10
"""Payments of one round, asked about at once: a provider that hangs holds up a worker for one deadline."""
BUCKET: Final = "inquiries"

PAYMENTS_DUE: Final = payment.ANY_DUE

logger = get_logger()


async def ask_about_due_payments(*, room: Inquiries) -> int:
    """Ask about payments whose time has passed, as many as the rate allows. Return how many. Raises Retryable."""
    due = await _claim(room)
    done = await asyncio.gather(*(_guarded(each, room) for each in due), return_exceptions=True)
    for error in done:  # only now: none of the others is left behind under way
        if isinstance(error, BaseException):
            raise error
    return len(due)


async def ask_about_payment(payment_id: UUID, *, room: Inquiries) -> tuple[InquiryResult, Payment]:
    """Ask about one payment now, whatever its state, and record what is reported. Return the answer and the payment.

    Nothing expires by this. Raises NotFound `payment-not-found` and Retryable.
    """
    now = room.clock.now()
    async with room.db.transaction() as tx:
        asked = await payment.lock_to_ask(tx, payment_id)
        if asked is None:
            raise NotFound("payment-not-found", "there is no such payment")
        await payment.put_off(tx, payment_id, asked.asked + 1, next_ask_at(asked.asked + 1, room.asking, now))
    result = await _ask(asked.payment, room)
    if result.message is not None:
        await _record(asked.payment, result.message, room)
    async with room.db.read() as connection:
        changed = await payment.find(connection, payment_id)
    return result, changed or asked.payment


async def _claim(room: Inquiries) -> list[DuePayment]:
    """Return payments to be asked about now, each for this caller alone until its next moment."""
    claimed: list[DuePayment] = []
    await room.guard.each("inquiry-claim", partial(_claim_some, claimed, room), limit=BATCH_SIZE_MAX)
    if claimed:
        reach("inquiry.claimed")
    return claimed


async def _claim_some(claimed: list[DuePayment], room: Inquiries, hand: Hand, limit: int) -> int:
    now = room.clock.now()
    some: list[DuePayment] = []
    async with room.db.transaction() as tx:
        due = await payment.lock_due(tx, now=now, limit=limit)
        await hand.take([str(each.payment.payment_id) for each in due])
        for each in due:
            rate = room.asking.per_minute_max * 60
            if not await token_buckets.take(tx, BUCKET, each.payment.provider, per_hour=rate, burst=BATCH_SIZE_MAX):
                break
            asked = each.asked + 1
            await payment.put_off(tx, each.payment.payment_id, asked, next_ask_at(asked, room.asking, now))
            some.append(DuePayment(each.payment, asked))
    claimed += some
    return len(some)


async def _guarded(due: DuePayment, room: Inquiries) -> None:
    work = partial(_resolve, due, room)
    await room.guard.run("inquiry", str(due.payment.payment_id), work, seen_before=due.asked > 1)


async def _resolve(due: DuePayment, room: Inquiries) -> None:
    result = await _ask(due.payment, room)
    reach("inquiry.answered")
    if result.message is not None:
        if await _record(due.payment, result.message, room) != "unmatched":
            return
    elif result.finding == "unclear":
        if not gives_up(due, room.asking, room.clock.now()):
            return
        metrics.PAYMENTS_UNANSWERED.inc(provider=due.payment.provider)
        logger.error("payment_unanswered", payment_id=due.payment.payment_id, reason=result.reason, tries=due.asked)
    await _expire(due.payment, room)


async def _ask(begun: Payment, room: Inquiries) -> InquiryResult:
    now = room.clock.now()
    inquiry = Inquiry(
        inquiry_id=uuid7(now).hex,
        order_reference=begun.order_reference,
        created_at=begun.begun_at,
        asked_at=now,
    )
    result = _readable(await room.asked[begun.provider].ask(inquiry), room.providers[begun.provider])
    log = logger.warning if result.finding == "unclear" else logger.info
    log("payment_asked_about", payment_id=begun.payment_id, outcome=result.finding, reason=result.reason)
    return result


def _readable(result: InquiryResult, provider: CallingProvider) -> InquiryResult:
    """Return an answer, or an unclear one if what it reports makes no sense: stored, it would hide a good callback."""
    if result.message is not None:
        try:
            provider.read(result.message.raw)
        except Unreadable as error:
            return InquiryResult("unclear", error.reason)
    return result


async def _record(begun: Payment, message: SignedMessage, room: Inquiries) -> HandlingOutcome:
    """Store and handle a provider's answer as if it were a callback; one that came as a callback is not handled again."""
    now = room.clock.now()
    answer = ProviderEvent(uuid7(now), begun.provider, message.raw, now)
    async with room.db.transaction() as tx:
        fresh = await provider_event.add(
            tx, message, provider_event_id=answer.provider_event_id, provider=begun.provider, now=now
        )
        decision = await apply_event(tx, answer, room=room, now=now) if fresh else None
    reach("inquiry.recorded")
    if decision is None:
        return "repeated"
    log_handled(answer, decision)
    return decision.outcome


async def _expire(begun: Payment, room: Inquiries) -> None:
    async with room.db.transaction() as tx:
        known = await payment.lock(tx, begun.payment_id)
        if known is not None and known.state == "begun":  # a callback may have come meanwhile
            await payment.save(tx, expired(known, room.clock.now()))
