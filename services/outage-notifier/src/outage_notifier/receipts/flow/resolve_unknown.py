"""Learn what became of an SMS whose call has an unknown end, before it is sent again or given up.

Its callback may say so (apply_receipts). If not, it is looked up in the provider's list: claim → ask → record. A message
counts as not sent only if two look-ups, 90 s apart, both miss it.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from gridcare.errors import Retryable
from gridcare.observability.logging import get_logger
from gridcare.postgres.database import Connection, UniqueViolation
from gridcare.postgres.poison.guard import Hand
from gridcare.process.crash_points import reach
from outage_notifier.contacts.store import contact
from outage_notifier.contacts.vault import PHONE
from outage_notifier.ledger.core.attempt import Attempt
from outage_notifier.ledger.core.decision import Decision
from outage_notifier.ledger.core.delivery import APP_CONTACT, Delivery, State
from outage_notifier.ledger.core.outcome import ListedMessage
from outage_notifier.ledger.store import attempt, delivery, notice
from outage_notifier.providers.twilio.statuses import state_of
from outage_notifier.receipts.core.look_up import LOOKS, decide_not_asked, decide_not_found, fitting, pause_left
from outage_notifier.receipts.flow.raise_delivery import Raising, lock_deliveries
from outage_notifier.receipts.room import LookUps
from outage_notifier.receipts.store import phone_lock, receipt

LOOKS_MAX: Final = 40
LOOKS_AT_ONCE: Final = 8
LOOK_LEASE: Final = timedelta(minutes=2)
"""A round at its slowest (40 looks, 8 at once, 10 s each) ends well within it."""

PAUSE: Final = timedelta(minutes=1)
"""After a look-up that failed."""

UNKNOWN_DUE: Final = delivery.ANY_UNKNOWN

logger = get_logger()


class Case(Struct, frozen=True):
    """An unknown delivery under a lease; without a call or a number the provider cannot be asked."""

    row: Delivery
    call: Attempt | None
    number: str | None
    useful_until: datetime
    since_look: timedelta | None = None
    """How long before this one its first look was, on the database's clock."""


async def resolve_unknown(*, room: LookUps) -> int:
    """Look up the unknown deliveries that are due. Return how many. Raises Retryable."""
    cases: list[Case] = []

    async def claim(hand: Hand, limit: int) -> int:
        async with room.db.transaction() as tx:
            claimed = await _claim(tx, hand, limit, room)
        cases.extend(claimed)
        return len(claimed)

    rows = await room.guard.each("look-up", claim, limit=LOOKS_MAX)
    slots = asyncio.Semaphore(LOOKS_AT_ONCE)
    ends = await asyncio.gather(*(_guarded(case, slots, room) for case in cases), return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return rows


async def _guarded(case: Case, slots: asyncio.Semaphore, room: LookUps) -> None:
    await room.guard.run("look-up", str(case.row.delivery_id), partial(_resolve, case, slots, room), seen_before=False)


async def _claim(tx: Connection, hand: Hand, limit: int, room: LookUps) -> list[Case]:
    """Take what is due, with the call whose message is to be looked for."""
    now = room.clock.now()
    taken = await delivery.take_unknown(tx, now=now, until=now + LOOK_LEASE, limit=limit)
    rows = [row for row, _ in taken]
    await hand.take([str(row.delivery_id) for row in rows])
    calls = await attempt.unresolved(tx, [row.key for row in rows])
    phones = await contact.phones(tx, [call.contact_id for call in calls.values()])
    contents = await notice.contents(tx, [row.notice_id for row in rows])
    cases = []
    for row, since_look in taken:
        call = calls.get(row.key)
        phone = phones.get(call.contact_id) if call else None
        number = room.vault.open(phone.number_sealed, PHONE, row=phone.customer_code).decode() if phone else None
        cases.append(Case(row, call, number, contents[row.notice_id].useful_until, since_look))
    return cases


async def _resolve(case: Case, slots: asyncio.Semaphore, room: LookUps) -> None:
    async with slots:
        listed = await _look(case, room)
        reach("worker.looked-up")
        try:
            async with room.db.transaction() as tx:
                await _record(tx, case, listed, room)
            reach("worker.look-up-recorded")
        except UniqueViolation:  # a callback bound the message meanwhile, to another attempt: look again
            logger.info("look_up_overtaken", notice_id=case.row.notice_id, recipient_id=case.row.recipient_id)


async def _look(case: Case, room: LookUps) -> Sequence[ListedMessage] | None:
    """Ask the provider, unless a message is bound already. Return None if it cannot be asked."""
    if case.call is not None and case.call.provider_message_id is not None:
        return []
    if case.call is None or case.call.body_hash is None or case.number is None:
        return None
    try:
        return await room.sms.recent(case.number)
    except Retryable as error:
        logger.warning("look_up_failed", provider="twilio", error_class=type(error.__cause__ or error).__name__)
        return None


async def _record(tx: Connection, case: Case, listed: Sequence[ListedMessage] | None, room: LookUps) -> None:
    """Record the result of a look-up, unless a receipt or another worker came first."""
    now, call = room.clock.now(), case.call
    row = await _lock(tx, case, room)
    if row.state is not State.UNKNOWN or row.next_attempt_at != case.row.next_attempt_at:
        return
    if call is None or listed is None:
        decision = decide_not_asked(now=now, useful_until=case.useful_until, pause=PAUSE, told_before=row.told_by_push)
        await _write(tx, row, decision, now)
    elif call.provider_message_id is not None:
        await _write(tx, row, Decision(State.ACCEPTED, "receipt"), now, texted=True)
    elif message := await _pick(tx, call, listed):
        await attempt.bind(tx, {call.name: message.message_id}, now=now)
        raising = Raising({row.key: row}, now)
        raising.take(call, state_of(message.status) or State.ACCEPTED, message.error_code or "")
        await raising.write(tx)
    else:
        await _record_not_found(tx, replace(case, row=row), call, room)


async def _lock(tx: Connection, case: Case, room: LookUps) -> Delivery:
    """Read the delivery again under its locks, and keep other look-ups of the same number out."""
    if case.call is None:
        rows = await delivery.lock(tx, [case.row.key])
    else:
        if case.number is not None:
            await phone_lock.hold(tx, room.vault.index(case.number, PHONE))
        rows = await lock_deliveries(tx, [case.call])
    return rows[case.row.key]


async def _pick(tx: Connection, call: Attempt, listed: Sequence[ListedMessage]) -> ListedMessage | None:
    """Pick the call's message: the oldest that fits and that is not known to be another attempt's."""
    fits = fitting(listed, text_hash=call.body_hash or b"", begun_at=call.started_at, not_before=call.not_before)
    ids = [message.message_id for message in fits]
    taken = {*await attempt.of_messages(tx, ids), *await receipt.of_other_attempts(tx, ids, str(call.name))}
    return next((message for message in fits if message.message_id not in taken), None)


async def _record_not_found(tx: Connection, case: Case, call: Attempt, room: LookUps) -> None:
    now, looks = room.clock.now(), case.row.looks + 1
    between = room.between_looks
    left = pause_left(looks=case.row.looks, since_first=case.since_look, between_looks=between)
    if left > timedelta():
        if left == between:  # it begins anew
            await delivery.looked(tx, case.row.key)
        await _write(tx, case.row, Decision(State.UNKNOWN, "not-found-yet", now + left, "sms"), now)
        return
    decision = decide_not_found(
        looks=looks,
        now=now,
        useful_until=case.useful_until,
        between_looks=between,
        told_before=case.row.told_by_push,
    )
    if looks < LOOKS:
        await delivery.looked(tx, case.row.key)
    else:
        await attempt.not_created(tx, call.name, now=now)
    await _write(tx, replace(case.row, looks=looks if looks < LOOKS else 0), decision, now)


async def _write(tx: Connection, row: Delivery, decision: Decision, now: datetime, *, texted: bool = False) -> None:
    by_push = row.told_by_push and decision.state is not State.UNKNOWN and not texted
    changed = replace(
        row,
        channel="push" if by_push else row.channel,
        contact=APP_CONTACT if by_push else row.contact,
        state=decision.state,
        reason=decision.reason,
        next_attempt_at=decision.next_attempt_at,
        next_channel=decision.next_channel,
        follow_up_batch_id=None if decision.state is not State.UNKNOWN else row.follow_up_batch_id,
        recorded_at=now,
    )
    await delivery.record(tx, [changed], only_from=frozenset({State.UNKNOWN}))
