"""What becomes of a delivery that is due again: another batch with contacts chosen now, or its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from gridcare.events.notices import Channel
from outage_notifier.ledger.core.cover import Cover
from outage_notifier.ledger.core.decision import Decision, Situation, decide_unsent
from outage_notifier.ledger.core.delivery import OPEN, Delivery, DeliveryChannel, State, settled
from outage_notifier.ledger.core.member import Member
from outage_notifier.ledger.core.notice import Content
from outage_notifier.planning.core.choice import Contacts, Device, Phone, SharedContact, nobody_to_call
from outage_notifier.planning.core.page import Owners

CUT_FROM: Final = frozenset({State.HELD, State.RETRYING, State.AWAITING})
"""What is unknown is looked up with the provider first (receipts/flow/resolve_unknown.py)."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that waited: its state, why, the channel that it waits for, and the devices that took its push.

    The channel is `none` where the recipient was covered, and nobody was told on the contact.
    """

    recipient_id: str
    state: State
    reason: str
    channel: DeliveryChannel
    told_devices: Sequence[str] = ()
    sms_first: bool = False

    def wants_push(self, contacts: Contacts) -> bool:
        """Say whether it waits for a push. One that was covered waits for what planning would choose now.

        If no phone is left for an SMS, a push takes its place, unless it was the push that the SMS follows.
        """
        if self.channel == "none":
            return not (self.sms_first and contacts.usable_phones)
        return self.channel == "push" or (self.state is not State.AWAITING and not contacts.usable_phones)

    def phones(self, contacts: Contacts) -> list[Phone]:
        """Return the phones that may be used, in this order: for one that was covered, those of its own first."""
        usable = contacts.usable_phones
        return sorted(usable, key=lambda phone: phone.shared) if self.channel == "none" else usable


@dataclass(frozen=True, slots=True)
class Follow:
    """It is sent again, to these contacts. There are none if some devices took the push and no other device is left."""

    channel: Channel
    contacts: tuple[str, ...]
    fallback: bool


@dataclass(frozen=True, slots=True)
class Covered:
    """Somebody else is told of the notice on the only contact that is left."""

    by: str
    channel: Channel
    contact_key: bytes


def is_due(row: Delivery, now: datetime) -> bool:
    """Say whether it is still due, now that it is locked: a received mark or another worker may have come first."""
    waits = row.state in CUT_FROM and row.follow_up_batch_id is None
    return waits and row.next_attempt_at is not None and row.next_attempt_at <= now


def is_stray(row: Delivery, batch_id: UUID) -> bool:
    """Say whether it still waits, without a due time, in a batch that settled without it, now that it is locked."""
    return row.state in OPEN and row.next_attempt_at is None and row.follow_up_batch_id == batch_id


def end_useless(row: Delivery, content: Content, now: datetime) -> Delivery | None:
    """Settle a delivery that is no longer worth sending. Return None if it still is."""
    situation = Situation(
        now=now,
        useful_until=content.useful_until,
        tries=row.tries,
        fallback=False,
        told_before=row.state is State.AWAITING,
    )
    decision = decide_unsent(situation, superseded=content.superseded, held_until=None)
    return settled(row, decision.state, reason=decision.reason, now=now) if decision else None


def waiting_of(row: Delivery, *, sms_first: bool) -> Waiting:
    """Return what the choice of contacts needs of a delivery; `sms_first`: the template demands SMS at once."""
    told_devices = row.told_devices or ()
    return Waiting(
        row.recipient_id, row.state, row.reason, row.next_channel or row.channel, told_devices, sms_first=sms_first
    )


def shared_to_note(waiting: Waiting, contacts: Contacts) -> list[SharedContact]:
    """Return the shared contacts that would be used, to be noted before anything is decided."""
    devices = _untold(waiting, contacts)
    if waiting.wants_push(contacts) and (devices or waiting.told_devices):
        return [device.as_shared for device in devices if device.shared]
    return [phone.as_shared for phone in waiting.phones(contacts)[:1] if phone.shared]


def follow(waiting: Waiting, contacts: Contacts, owners: Owners) -> Follow | Covered | Decision:
    """Choose contacts as they are now, given who is told of the notice on each shared one.

    A push whose devices are gone is followed by an SMS.
    """
    devices, usable = _untold(waiting, contacts), waiting.phones(contacts)
    if waiting.wants_push(contacts) and (devices or waiting.told_devices):
        free = [d for d in devices if not d.shared or _mine(d.contact_key, waiting, owners)]
        if free or waiting.told_devices:
            return Follow("push", tuple(d.device_id for d in free), fallback=bool(usable))
        return _covered(waiting, devices[0].contact_key, "push", owners)
    if not usable:
        return _nobody(waiting, contacts)
    first, others = usable[0], usable[1:]
    if not first.shared or _mine(first.contact_key, waiting, owners):
        return Follow("sms", (str(first.phone_id),), fallback=False)
    alone = next((phone for phone in others if not phone.shared), None)
    if alone is not None:
        return Follow("sms", (str(alone.phone_id),), fallback=False)
    return _covered(waiting, first.contact_key, "sms", owners)


def settled_as(row: Delivery, end: Covered | Decision, now: datetime) -> Delivery:
    """Return the row of a delivery that is not sent again."""
    if isinstance(end, Covered):
        return replace(settled(row, State.COVERED, reason="shared-contact", now=now), covered_by=end.by)
    return settled(row, end.state, reason=end.reason, now=now)


def cover_of(row: Delivery, end: Covered | Decision) -> Cover | None:
    """Return whom a recipient relies on whose delivery ended so; None unless it is covered."""
    if isinstance(end, Decision):
        return None
    return Cover(row.notice_id, row.recipient_id, end.by, end.channel, end.contact_key)


def member_of(row: Delivery, chosen: Follow, *, packed: bool) -> Member:
    """Return a delivery as a member of a follow-up batch; `packed`: the member names its own notice."""
    return Member(
        row.number,
        row.recipient_id,
        row.language,
        chosen.contacts,
        chosen.fallback,
        row.notice_id if packed else None,
        row.home_batch_id,
        row.tries,
        told_before=row.state is State.AWAITING,
        told_devices=tuple(row.told_devices or ()),
    )


def _untold(waiting: Waiting, contacts: Contacts) -> Sequence[Device]:
    return [device for device in contacts.devices if device.device_id not in waiting.told_devices]


def _mine(key: bytes, waiting: Waiting, owners: Mapping[bytes, str]) -> bool:
    return owners.get(key, waiting.recipient_id) == waiting.recipient_id


def _covered(waiting: Waiting, key: bytes, channel: Channel, owners: Owners) -> Covered | Decision:
    """Return the end of a delivery that is covered. One whose push was taken counts as accepted instead."""
    if waiting.state is State.AWAITING:
        return Decision(State.ACCEPTED, "fallback-covered")
    return Covered(owners[key], channel, key)


def _nobody(waiting: Waiting, contacts: Contacts) -> Decision:
    if waiting.state is State.AWAITING:
        return Decision(State.ACCEPTED, waiting.reason if waiting.reason.startswith("sms-") else "no-fallback")
    decision = nobody_to_call(contacts.phones)
    if decision.state is State.UNREACHABLE and waiting.state is State.RETRYING and waiting.reason:
        return Decision(State.UNREACHABLE, waiting.reason)
    return decision
