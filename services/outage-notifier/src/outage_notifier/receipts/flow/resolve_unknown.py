"""Find out what became of an SMS whose call has an unknown end, before it is sent again or given up.

Its callback may tell (apply_receipts). Else it is looked up in the provider's list: claim → ask → record. That it is not
there counts only when two looks, minutes apart, agree.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from gridcare.errors import Retryable
from gridcare.observability.logging import get_logger
from gridcare.postgres.database import Connection
from outage_notifier.contacts.store import contact
from outage_notifier.contacts.vault import PHONE
from outage_notifier.ledger.core.attempt import Attempt
from outage_notifier.ledger.core.delivery import Decision, Delivery, State
from outage_notifier.ledger.core.outcome import FoundMessage
from outage_notifier.ledger.store import attempt, batch, delivery, notice
from outage_notifier.providers.twilio.statuses import state_of
from outage_notifier.receipts.core.look_up import LOOKS, decide_not_asked, decide_not_found, fitting
from outage_notifier.receipts.flow.raise_delivery import Raising, key_of, lock_deliveries
from outage_notifier.receipts.room import LookUps
from outage_notifier.receipts.store import phone_lock, receipt

LOOKS_MAX = 40
LOOKS_AT_ONCE = 8
LOOK_LEASE = timedelta(minutes=2)
"""A round at its slowest (40 looks, 8 at once, 10 s each) ends well within it."""

PAUSE = timedelta(minutes=1)
"""After a look that failed."""

logger = get_logger()


class Case(Struct, frozen=True):
    """An unknown delivery under a lease; without a number the provider cannot be asked."""

    row: Delivery
    attempt: Attempt | None
    number: str | None
    useful_until: datetime
    told_before: bool


async def resolve_unknown(*, room: LookUps) -> int:
    """Look after unknown deliveries that are due; how many. Raises Retryable."""
    async with room.db.transaction() as tx:
        cases = await _claim(tx, room)
    slots = asyncio.Semaphore(LOOKS_AT_ONCE)
    ends = await asyncio.gather(*(_resolve(room, case, slots) for case in cases), return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return len(cases)


async def _claim(tx: Connection, room: LookUps) -> list[Case]:
    now = room.clock.now()
    rows = await delivery.take_unknown(tx, now=now, until=now + LOOK_LEASE, limit=LOOKS_MAX)
    attempts = await attempt.unresolved(tx, [(row.notice_id, row.recipient_id) for row in rows])
    phones = await contact.phones(tx, [found.contact_id for found in attempts.values()])
    contents = await notice.contents(tx, [row.notice_id for row in rows])
    cases = []
    for row in rows:
        found = attempts.get((row.notice_id, row.recipient_id))
        phone = phones.get(found.contact_id) if found else None
        number = room.vault.open(phone.number_sealed, PHONE).decode() if phone else None
        told_before = await _told_before(tx, found) if found else False
        cases.append(Case(row, found, number, contents[row.notice_id].useful_until, told_before))
    return cases


async def _told_before(tx: Connection, found: Attempt) -> bool:
    """Say whether a push of the same delivery was accepted before this SMS: the follow-up batch's member knows."""
    for member in await batch.follow_up_members(tx, found.batch_id):
        if member.recipient_id == found.recipient_id and member.notice_id in {None, found.notice_id}:
            return member.told_before
    return False


async def _resolve(room: LookUps, case: Case, slots: asyncio.Semaphore) -> None:
    async with slots:
        listed = await _look(room, case)
        try:
            async with room.db.transaction() as tx:
                await _record(tx, room, case, listed)
        except asyncpg.UniqueViolationError:  # a callback bound the message meanwhile, to another attempt: look again
            logger.info("look_up_overtaken", notice_id=case.row.notice_id, recipient_id=case.row.recipient_id)


async def _look(room: LookUps, case: Case) -> Sequence[FoundMessage] | None:
    """Ask the provider; None when it cannot be asked. Nothing is asked where a message is bound already."""
    if case.attempt is not None and case.attempt.provider_message_id is not None:
        return []
    if case.attempt is None or case.attempt.body_hash is None or case.number is None:
        return None
    try:
        return await room.sms.recent(case.number)
    except Retryable as error:
        logger.warning("look_up_failed", provider="twilio", error_class=type(error.__cause__ or error).__name__)
        return None


async def _record(tx: Connection, room: LookUps, case: Case, listed: Sequence[FoundMessage] | None) -> None:
    """Record what a look came to, unless a receipt or another worker was first."""
    now = room.clock.now()
    found = case.attempt
    if found is None:
        rows = await delivery.lock(tx, [(case.row.notice_id, case.row.recipient_id)])
    else:
        if case.number is not None:
            await phone_lock.hold(tx, room.vault.index(case.number, PHONE))
        rows = await lock_deliveries(tx, [found])
    row = rows[case.row.notice_id, case.row.recipient_id]
    if row.state != State.UNKNOWN or row.next_attempt_at != case.row.next_attempt_at:
        return
    if found is None or listed is None:
        await _write(tx, row, decide_not_asked(now=now, useful_until=case.useful_until, pause=PAUSE), now)
    elif found.provider_message_id is not None:
        await _write(tx, row, Decision(State.ACCEPTED, "receipt"), now)
    else:
        message = await _message(tx, found, listed)
        if message is not None:
            await _bind(tx, Raising({key_of(found): row}, now), found, message)
        else:
            await _not_found(tx, room, replace(case, row=row), found)


async def _message(tx: Connection, found: Attempt, listed: Sequence[FoundMessage]) -> FoundMessage | None:
    """Pick the attempt's message: the oldest that fits and that is not known to be another attempt's."""
    fits = fitting(listed, text_hash=found.body_hash or b"", begun_at=found.started_at)
    ids = [message.message_id for message in fits]
    taken = {*await attempt.of_messages(tx, ids), *await receipt.of_other_attempts(tx, ids, str(found.name))}
    return next((message for message in fits if message.message_id not in taken), None)


async def _bind(tx: Connection, raising: Raising, found: Attempt, message: FoundMessage) -> None:
    await attempt.bind(tx, {found.name: message.message_id}, now=raising.now)
    raising.take(found, state_of(message.status) or State.ACCEPTED, message.error_code or "")
    await raising.write(tx)


async def _not_found(tx: Connection, room: LookUps, case: Case, found: Attempt) -> None:
    now = room.clock.now()
    looks = case.row.looks + 1
    decision = decide_not_found(
        looks=looks,
        now=now,
        useful_until=case.useful_until,
        between_looks=room.between_looks,
        told_before=case.told_before,
    )
    if looks >= LOOKS:
        await attempt.not_created(tx, found.name, now=now)
    await _write(tx, replace(case.row, looks=looks if looks < LOOKS else 0), decision, now)


async def _write(tx: Connection, row: Delivery, decision: Decision, now: datetime) -> None:
    changed = replace(
        row,
        state=decision.state,
        reason=decision.reason,
        next_attempt_at=decision.next_attempt_at,
        next_channel=decision.next_channel,
        follow_up_batch_id=None if decision.state is not State.UNKNOWN else row.follow_up_batch_id,
        recorded_at=now,
    )
    await delivery.record(tx, [changed], only_from=frozenset({State.UNKNOWN}))
