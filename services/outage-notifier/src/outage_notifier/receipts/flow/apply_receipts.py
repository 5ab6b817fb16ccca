"""Apply the status callbacks that were stored: bind messages to attempts, raise deliveries, move the counts.

Any order, any number of times, and before the call's own answer too: a receipt whose delivery has no row yet waits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gridcare.observability.logging import get_logger
from gridcare.postgres.database import Connection
from outage_notifier.contacts.vault import RECEIPT, Unsealable, Vault
from outage_notifier.ledger.core.attempt import Attempt, AttemptName, attempt_name
from outage_notifier.ledger.store import attempt
from outage_notifier.providers.twilio.callback import StatusCallback, read_callback
from outage_notifier.providers.twilio.statuses import state_of
from outage_notifier.receipts.core.receipt import look_again_at
from outage_notifier.receipts.flow.raise_delivery import Raising, lock_deliveries
from outage_notifier.receipts.flow.store_callback import SOURCE
from outage_notifier.receipts.room import Receipts
from outage_notifier.receipts.store import receipt
from outage_notifier.receipts.store.receipt import StoredReceipt

RECEIPTS_MAX = 500
"""Applied in one transaction: some 50 ms of it."""

logger = get_logger()


@dataclass(frozen=True, slots=True)
class Told:
    """A stored receipt, opened; `callback` is None when it cannot be read any more."""

    stored: StoredReceipt
    callback: StatusCallback | None
    name: AttemptName | None


async def apply_receipts(*, room: Receipts) -> int:
    """Apply up to 500 receipts that are due. Return how many were looked at."""
    async with room.db.transaction() as tx:
        now = room.clock.now()
        taken = await receipt.take(tx, source=SOURCE, now=now, limit=RECEIPTS_MAX)
        if not taken:
            return 0
        told = [_open(stored, room.vault) for stored in taken]
        attempts = await _attempts(tx, told)
        raising = Raising(await lock_deliveries(tx, attempts.values()), now)
        await attempt.bind(tx, _bindings(told, attempts), now=now)
        results, times = _fold(told, attempts, raising, now)
        await raising.write(tx)
        await receipt.applied(tx, results, now=now)
        await receipt.later(tx, times)
    for receipt_id, result in results:
        if result not in {"raised", "unchanged"}:
            logger.warning("receipt_not_applied", reason=result, provider=SOURCE, aggregate_id=receipt_id)
    return len(taken)


def _open(stored: StoredReceipt, vault: Vault) -> Told:
    try:
        callback = read_callback(vault.open(stored.body_sealed, RECEIPT))
    except Unsealable:
        callback = None
    return Told(stored, callback, attempt_name(stored.attempt_name))


async def _attempts(tx: Connection, told: Sequence[Told]) -> dict[int, Attempt]:
    """Find each receipt's attempt: by the name in its address, else by the message that is bound to it."""
    by_name = await attempt.named(tx, sorted({it.name for it in told if it.name}))
    ids = [it.callback.message_id for it in told if it.callback and it.name not in by_name]
    by_message = await attempt.of_messages(tx, ids)
    found = {
        it.stored.receipt_id: (by_name.get(it.name) if it.name else None)
        or (by_message.get(it.callback.message_id) if it.callback else None)
        for it in told
    }
    return {receipt_id: known for receipt_id, known in found.items() if known is not None}


def _bindings(told: Sequence[Told], attempts: dict[int, Attempt]) -> dict[AttemptName, str]:
    """Say which messages belong to which attempts; the first one counts, and a message belongs to one attempt."""
    bindings: dict[AttemptName, str] = {}
    for it in told:
        known = attempts.get(it.stored.receipt_id)
        if known is None or it.callback is None or known.provider_message_id is not None:
            continue
        if it.callback.message_id not in bindings.values():
            bindings.setdefault(known.name, it.callback.message_id)
    return bindings


def _fold(
    told: Sequence[Told], attempts: dict[int, Attempt], raising: Raising, now: datetime
) -> tuple[list[tuple[int, str]], list[tuple[int, datetime]]]:
    """Take each receipt in turn: what came of those that are done with, and when the others are looked at again."""
    results: list[tuple[int, str]] = []
    times: list[tuple[int, datetime]] = []
    for it in told:
        receipt_id = it.stored.receipt_id
        state = state_of(it.callback.status) if it.callback else None
        if it.callback is None or state is None:
            results.append((receipt_id, "unknown-status" if it.callback else "unreadable"))
            continue
        known = attempts.get(receipt_id)
        raises = raising.take(known, state, it.callback.error_code) if known else None
        if raises is not None:
            results.append((receipt_id, "raised" if raises else "unchanged"))
            continue
        again_at = look_again_at(it.stored.received_at, now)
        if again_at is None:
            results.append((receipt_id, "unmatched"))
        else:
            times.append((receipt_id, again_at))
    return results, times
