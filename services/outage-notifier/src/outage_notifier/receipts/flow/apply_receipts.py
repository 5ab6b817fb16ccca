"""Apply the status callbacks that were stored: bind messages to attempts, raise deliveries, move the counts.

They may come in any order, any number of times, and before the call's own answer: a receipt whose delivery has no row yet
waits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from gridcare.observability.logging import get_logger
from gridcare.postgres.database import Connection
from gridcare.postgres.poison.guard import Hand
from gridcare.process.crash_points import reach
from outage_notifier.contacts.vault import RECEIPT
from outage_notifier.ledger.core.attempt import Attempt, AttemptName, attempt_name
from outage_notifier.ledger.core.outcome import StatusCallback
from outage_notifier.ledger.store import attempt
from outage_notifier.providers.twilio.statuses import state_of
from outage_notifier.receipts.core.receipt import ReceiptResult, look_again_at
from outage_notifier.receipts.flow.raise_delivery import Raising, lock_deliveries
from outage_notifier.receipts.flow.store_callback import SOURCE
from outage_notifier.receipts.room import Callbacks
from outage_notifier.receipts.store import receipt
from outage_notifier.receipts.store.receipt import StoredReceipt

RECEIPTS_MAX: Final = 500
"""How many are applied in one transaction, in about 50 ms."""

RECEIPTS_DUE: Final = receipt.ANY_DUE

logger = get_logger()


@dataclass(frozen=True, slots=True)
class OpenedReceipt:
    """A stored receipt, opened; `callback` is None when it tells no status."""

    stored: StoredReceipt
    callback: StatusCallback | None
    name: AttemptName | None

    @property
    def receipt_id(self) -> int:
        return self.stored.receipt_id


async def apply_receipts(*, room: Callbacks) -> int:
    """Apply up to 500 receipts that are due. Return how many were looked at."""
    return await room.guard.each("receipt", partial(_apply, room), limit=RECEIPTS_MAX)


async def _apply(room: Callbacks, hand: Hand, limit: int) -> int:
    async with room.db.transaction() as tx:
        now = room.clock.now()
        stored = await receipt.take(tx, source=SOURCE, now=now, limit=limit)
        if not stored:
            return 0
        await hand.take([str(each.receipt_id) for each in stored])
        opened = [_open(each, room) for each in stored]
        calls = await _calls(tx, opened)
        raising = Raising(await lock_deliveries(tx, calls.values()), now)
        await attempt.bind(tx, _bindings(opened, calls), now=now)
        results, times = _fold(opened, calls, raising, now)
        await raising.write(tx)
        await receipt.applied(tx, results, now=now)
        await receipt.later(tx, times)
    reach("worker.receipts-applied")
    for receipt_id, result in results:
        if result not in {"raised", "unchanged"}:
            logger.warning("receipt_not_applied", reason=result, provider=SOURCE, aggregate_id=receipt_id)
    return len(stored)


def _open(stored: StoredReceipt, room: Callbacks) -> OpenedReceipt:
    callback = room.provider.read(room.vault.open(stored.body_sealed, RECEIPT, row=stored.dedup_key))
    return OpenedReceipt(stored, callback, attempt_name(stored.attempt_name))


async def _calls(tx: Connection, opened: Sequence[OpenedReceipt]) -> dict[int, Attempt]:
    """Read each receipt's attempt: by the name in its address, else by the message that is bound to it."""
    by_name = await attempt.named(tx, sorted({each.name for each in opened if each.name}))
    ids = [each.callback.message_id for each in opened if each.callback and each.name not in by_name]
    by_message = await attempt.of_messages(tx, ids)
    calls = {
        each.receipt_id: (by_name.get(each.name) if each.name else None)
        or (by_message.get(each.callback.message_id) if each.callback else None)
        for each in opened
    }
    return {receipt_id: call for receipt_id, call in calls.items() if call is not None}


def _bindings(opened: Sequence[OpenedReceipt], calls: Mapping[int, Attempt]) -> dict[AttemptName, str]:
    """Return which message belongs to which attempt: one each, and the first receipt that says so counts."""
    bindings: dict[AttemptName, str] = {}
    for each in opened:
        call = calls.get(each.receipt_id)
        if call is None or each.callback is None or call.provider_message_id is not None:
            continue
        if each.callback.message_id not in bindings.values():
            bindings.setdefault(call.name, each.callback.message_id)
    return bindings


def _fold(
    opened: Sequence[OpenedReceipt], calls: Mapping[int, Attempt], raising: Raising, now: datetime
) -> tuple[list[tuple[int, ReceiptResult]], list[tuple[int, datetime]]]:
    """Apply each receipt in turn. Return what became of those that are done with, and when to look at the others again."""
    results: list[tuple[int, ReceiptResult]] = []
    times: list[tuple[int, datetime]] = []
    for each in opened:
        state = state_of(each.callback.status) if each.callback else None
        if each.callback is None or state is None:
            results.append((each.receipt_id, "unknown-status" if each.callback else "unreadable"))
            continue
        call = calls.get(each.receipt_id)
        raises = raising.take(call, state, each.callback.error_code) if call else None
        if raises is not None:
            results.append((each.receipt_id, "raised" if raises else "unchanged"))
            continue
        again_at = look_again_at(each.stored.received_at, now)
        if again_at is None:
            results.append((each.receipt_id, "unmatched"))
        else:
            times.append((each.receipt_id, again_at))
    return results, times
