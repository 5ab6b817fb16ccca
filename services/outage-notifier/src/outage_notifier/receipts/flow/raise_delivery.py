"""What receipts, look-ups and the app's received marks do: they raise deliveries; a provider's receipts mark phones too."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from gridcare.postgres.database import Connection
from outage_notifier.contacts.store import contact
from outage_notifier.ledger.core.attempt import Attempt
from outage_notifier.ledger.core.delivery import APP_CONTACT, Delivery, DeliveryKey, State, after_sms, settled
from outage_notifier.ledger.store import batch, cover, delivery
from outage_notifier.providers.twilio.statuses import OPTED_OUT, UNREACHABLE


async def lock_deliveries(tx: Connection, calls: Iterable[Attempt]) -> dict[DeliveryKey, Delivery]:
    """Lock the batches of some calls and of their deliveries, in the order that senders do, and read the deliveries."""
    of_calls = list(calls)
    batches = {call.batch_id for call in of_calls}
    follow_ups = await batch.lock_follow_ups(tx, batches)
    return await delivery.lock(tx, [call.delivery_key for call in of_calls], homes=batches - follow_ups)


@dataclass(slots=True)
class Raising:
    """Locked deliveries, and what receipts make of them; `write` writes them all together."""

    rows: Mapping[DeliveryKey, Delivery]
    now: datetime
    _changed: dict[DeliveryKey, Delivery] = field(default_factory=dict)
    _phones_that_told: dict[DeliveryKey, str] = field(default_factory=dict)
    _bad: dict[str, str] = field(default_factory=dict)
    _opted_out: set[str] = field(default_factory=set)
    _failed: set[DeliveryKey] = field(default_factory=set)

    def take(self, call: Attempt, state: State, error_code: str) -> bool | None:
        """Note what became of a call's message; `error_code` is the provider's, empty without one.

        Return whether it raises the delivery, or None if the delivery has no row yet: then try again later.
        """
        if error_code == OPTED_OUT:
            self._opted_out.add(call.contact_id)
        elif error_code in UNREACHABLE:
            self._bad[call.contact_id] = error_code
        key = call.delivery_key
        if state is State.FAILED:
            self._failed.add(key)
        row = self._changed.get(key) or self.rows.get(key)
        if row is None:
            return None
        after = after_sms(row, state, code=error_code, now=self.now)
        if after is None:
            return False
        if after.channel == "sms" and row.channel != "sms":
            self._phones_that_told[key] = call.contact_id
        elif after.channel != "sms":
            self._phones_that_told.pop(key, None)
        self._changed[key] = after
        return True

    async def write(self, tx: Connection) -> None:
        """Write the deliveries with their counts, and mark the phones."""
        phones = await contact.phones(tx, list(self._phones_that_told.values())) if self._phones_that_told else {}
        for key, contact_id in self._phones_that_told.items():
            phone = phones.get(contact_id)
            self._changed[key] = replace(self._changed[key], contact=phone.masked if phone else "")
        await delivery.record(tx, list(self._changed.values()), only_from=frozenset(State))
        await cover.look_at_owners(tx, sorted(self._failed))  # even of those who were told otherwise
        if self._bad:
            await contact.mark_bad(tx, sorted(self._bad.items()), now=self.now)
        if self._opted_out:
            await contact.mark_opted_out(tx, sorted(self._opted_out), now=self.now)


async def raise_by_mark(tx: Connection, rows: Iterable[Delivery], *, now: datetime) -> set[DeliveryKey]:
    """Raise locked deliveries whose push the app received. Return those that were not delivered before.

    If an SMS was sent meanwhile, it is still the push that is known to have arrived.
    """
    marked: dict[DeliveryKey, Delivery] = {}
    for row in rows:
        if row.state is not State.DELIVERED:
            risen = settled(row, State.DELIVERED, reason="received-mark", now=now)
            by_push = replace(risen, channel="push", contact=APP_CONTACT) if row.channel == "sms" else risen
            marked[row.key] = by_push
    await delivery.record(tx, list(marked.values()), only_from=frozenset(State))
    return set(marked)
