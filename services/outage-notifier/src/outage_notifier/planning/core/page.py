"""Planning one page of an audience: each recipient's channel and batch."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from gridcare.events.notices import Channel
from outage_notifier.ledger.core.cover import Cover
from outage_notifier.ledger.core.decision import Decision
from outage_notifier.ledger.core.delivery import State
from outage_notifier.ledger.core.member import Member
from outage_notifier.planning.core.choice import Choice, Contacts, SharedContact, choose, without_taken

Owners = Mapping[bytes, str]
"""Who is told of a notice on each of its shared contacts: recipient by contact key."""

Wanted = tuple[SharedContact, str]
"""A shared contact, and the recipient who would be told on it."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who a notice is for: the recipient's number in its audience, from 1, and contacts."""

    notice_id: UUID
    number: int
    contacts: Contacts


@dataclass(frozen=True, slots=True)
class Settled:
    """A recipient who is not sent anything: the state it is settled in, and why; `contact` is masked, empty without one."""

    recipient: Recipient
    state: State
    reason: str
    cover: Cover | None = None
    contact: str = ""


@dataclass(frozen=True, slots=True)
class PagePlan:
    """A page, decided: members by channel, and who is settled at once."""

    members: Mapping[Channel, Sequence[Member]]
    settled: Sequence[Settled]


def choose_all(recipients: Sequence[Recipient], *, sms_first: bool) -> list[Choice | Decision]:
    """Choose each recipient's channel and contacts."""
    return [choose(recipient.contacts, sms_first=sms_first) for recipient in recipients]


def shared_contacts(recipients: Sequence[Recipient], choices: Sequence[Choice | Decision]) -> dict[UUID, list[Wanted]]:
    """List, by notice, the shared contacts that the choices would use and for whom, in the order of the audience."""
    wanted: dict[UUID, list[Wanted]] = defaultdict(list)
    for recipient, choice in zip(recipients, choices, strict=True):
        if isinstance(choice, Choice) and choice.shared:
            wanted[recipient.notice_id] += [(each, recipient.contacts.recipient_id) for each in choice.shared]
    return wanted


def plan_page(
    recipients: Sequence[Recipient],
    choices: Sequence[Choice | Decision],
    owners: Mapping[UUID, Owners],
    *,
    packed: bool,
) -> PagePlan:
    """Decide a page, given who is told on each shared contact, by notice; `packed`: members name their own notice."""
    members: dict[Channel, list[Member]] = defaultdict(list)
    settled: list[Settled] = []
    for recipient, choice in zip(recipients, choices, strict=True):
        if isinstance(choice, Decision):
            settled.append(Settled(recipient, choice.state, choice.reason))
            continue
        taken = _taken_by_others(recipient, choice, owners.get(recipient.notice_id, {}))
        left = without_taken(choice, taken, recipient.contacts) if taken else choice
        if left is None:
            cover = _cover(recipient, choice, owners[recipient.notice_id])
            settled.append(Settled(recipient, State.COVERED, "shared-contact", cover, choice.masked))
        else:
            members[left.channel].append(_member(recipient, left, packed=packed))
    return PagePlan(members, settled)


def _taken_by_others(recipient: Recipient, choice: Choice, owners: Owners) -> dict[str, str]:
    """Return the choice's contacts on which another recipient is told already, with that recipient."""
    contacts = recipient.contacts
    keys = {
        each.contact_key: owners[each.contact_key]
        for each in choice.shared
        if owners.get(each.contact_key, contacts.recipient_id) != contacts.recipient_id
    }
    if not keys:
        return {}
    by_key = {device.contact_key: device.device_id for device in contacts.devices}
    by_key |= {phone.contact_key: str(phone.phone_id) for phone in contacts.phones}
    return {by_key[key]: owner for key, owner in keys.items()}


def _cover(recipient: Recipient, choice: Choice, owners: Owners) -> Cover:
    """Return whom a recipient relies on, all of whose chosen contacts are taken by others: the first one's owner."""
    key, recipient_id = choice.shared[0].contact_key, recipient.contacts.recipient_id
    return Cover(recipient.notice_id, recipient_id, owners[key], choice.channel, key)


def _member(recipient: Recipient, choice: Choice, *, packed: bool) -> Member:
    return Member(
        recipient.number,
        recipient.contacts.recipient_id,
        recipient.contacts.language,
        choice.contacts,
        choice.fallback,
        recipient.notice_id if packed else None,
    )
