"""What receipts, look-ups and the app's received marks do: raise deliveries; what a provider says marks phones too."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from gridcare.postgres.database import Connection
from outage_notifier.contacts.store import contact
from outage_notifier.ledger.core.attempt import Attempt
from outage_notifier.ledger.core.delivery import Delivery, State, raised, settled
from outage_notifier.ledger.store import batch, delivery
from outage_notifier.ledger.store.delivery import Key
from outage_notifier.providers.twilio.statuses import OPTED_OUT, UNREACHABLE

MARKED_CONTACT = "app"
"""Stands for the masked contact where the app itself said that the message arrived."""


async def lock_deliveries(tx: Connection, attempts: Iterable[Attempt]) -> dict[Key, Delivery]:
    """Lock everything around some attempts, in the order of their senders, and read the deliveries that have a row."""
    of = list(attempts)
    batches = {found.batch_id for found in of}
    follow_ups = await batch.lock_follow_ups(tx, batches)
    return await delivery.lock(tx, [key_of(found) for found in of], homes=batches - follow_ups)


def key_of(found: Attempt) -> Key:
    """Give the delivery of an attempt."""
    return (found.notice_id, found.recipient_id)


@dataclass(slots=True)
class Raising:
    """Deliveries under their locks, and what is to be written of them."""

    rows: Mapping[Key, Delivery]
    now: datetime
    changed: dict[Key, Delivery] = field(default_factory=dict)
    _by_text: dict[Key, str] = field(default_factory=dict)
    _bad: dict[str, str] = field(default_factory=dict)
    _opted_out: set[str] = field(default_factory=set)

    def take(self, found: Attempt, state: State, error_code: str) -> bool | None:
        """Take note of what became of an attempt's message.

        Gives whether it raises the delivery; None when the delivery has no row yet: it is to be told again later.
        """
        if error_code == OPTED_OUT:
            self._opted_out.add(found.contact_id)
        elif error_code in UNREACHABLE:
            self._bad[found.contact_id] = error_code
        key = key_of(found)
        row = self.changed.get(key) or self.rows.get(key)
        if row is None:
            return None
        risen = _risen(row, state, reason=error_code or "receipt", now=self.now)
        if risen is None:
            return False
        if row.channel != "sms":
            self._by_text[key] = found.contact_id
        self.changed[key] = replace(risen, channel="sms")
        return True

    async def write(self, tx: Connection) -> None:
        """Write the deliveries with their counts, and mark the phones."""
        masked = await contact.phones(tx, list(self._by_text.values())) if self._by_text else {}
        for key, contact_id in self._by_text.items():
            phone = masked.get(contact_id)
            self.changed[key] = replace(self.changed[key], contact=phone.masked if phone else "")
        await delivery.record(tx, list(self.changed.values()), only_from=frozenset(State))
        if self._bad:
            await contact.mark_bad(tx, _pairs(self._bad), now=self.now)
        if self._opted_out:
            await contact.mark_opted_out(tx, sorted(self._opted_out), now=self.now)


async def raise_by_mark(tx: Connection, rows: Iterable[Delivery], *, now: datetime) -> set[Key]:
    """Raise locked deliveries whose push the app received; those that were not delivered before.

    Where an SMS was sent meanwhile it is the push that is known to have arrived.
    """
    marked: dict[Key, Delivery] = {}
    for row in rows:
        risen = _risen(row, State.DELIVERED, reason="received-mark", now=now)
        if risen is not None:
            by_push = replace(risen, channel="push", contact=MARKED_CONTACT) if row.channel == "sms" else risen
            marked[row.notice_id, row.recipient_id] = by_push
    await delivery.record(tx, list(marked.values()), only_from=frozenset(State))
    return set(marked)


def _risen(row: Delivery, receipt: State, *, reason: str, now: datetime) -> Delivery | None:
    """Give the row after a receipt, with nothing more to be tried; None when its rank is as high already."""
    following = raised(State(row.state), receipt)
    if following is State(row.state):
        return None
    return settled(row, following, reason=reason, now=now)


def _pairs(reasons: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    return sorted(reasons.items())
