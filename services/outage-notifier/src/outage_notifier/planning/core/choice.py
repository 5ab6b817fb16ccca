"""Who is told on which channel: the choice that planning makes for each recipient, and how batches are cut."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from gridcare.events.notices import Channel
from outage_notifier.ledger.core.decision import Decision
from outage_notifier.ledger.core.delivery import State

BATCH_SIZE_MAX: Final = 500
"""FCM's own batch size. Even when a provider is at its slowest, one batch takes well under a lease."""

PAGE_SIZE: Final = 5_000
"""How many recipients are planned in one transaction: ten full batches, in about 20 ms."""

LISTED_MAX: Final = 100_000
"""A scope of at most so many supply points is read at once, some 10 MB of a planner's memory; it may also name so many."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SharedContact:
    """A contact that other customers have too, as one recipient has it; `phone_id` is 0 for a device.

    Of several recipients who would be told on it the lowest `rank` is: whose number the distributor brought, then whoever had
    it first.
    """

    contact_key: bytes
    verified: bool = False
    phone_id: int = 0

    @property
    def rank(self) -> tuple[bool, int]:
        return not self.verified, self.phone_id


@dataclass(frozen=True, slots=True)
class Phone:
    """A recipient's phone as planning sees it: never the number itself. `shared`: another customer has the same number.

    `verified`: the distributor brought it, and not only somebody who typed it in the app.
    """

    phone_id: int
    contact_key: bytes
    masked: str
    consent: bool
    opted_out: bool
    bad: bool
    shared: bool
    verified: bool = False

    @property
    def as_shared(self) -> SharedContact:
        return SharedContact(self.contact_key, self.verified, self.phone_id)

    @property
    def usable(self) -> bool:
        return self.consent and not self.opted_out and not self.bad


@dataclass(frozen=True, slots=True)
class Device:
    """A recipient's live device. `shared`: another customer's messages go to it too."""

    device_id: str
    shared: bool

    @property
    def contact_key(self) -> bytes:
        return self.device_id.encode()

    @property
    def as_shared(self) -> SharedContact:
        return SharedContact(self.contact_key)


@dataclass(frozen=True, slots=True)
class Contacts:
    """How one recipient can be reached, and in which language."""

    recipient_id: str
    language: str
    devices: tuple[Device, ...]
    phones: tuple[Phone, ...]

    @property
    def usable_phones(self) -> list[Phone]:
        return [phone for phone in self.phones if phone.usable]


@dataclass(frozen=True, slots=True)
class Choice:
    """The channel that planning chose for a recipient, with its contacts: device ids, or one phone id as text.

    `masked` is what a person may see of them. `fallback`: a phone could take over from the push. `shared`: those of
    the contacts that other customers have too, to be noted once a notice.
    """

    channel: Channel
    contacts: tuple[str, ...]
    masked: str
    fallback: bool = False
    shared: tuple[SharedContact, ...] = ()


def choose(contacts: Contacts, *, sms_first: bool) -> Choice | Decision:
    """Choose a recipient's channel: push where a device is live, unless the template demands SMS at once.

    If there is nothing to call, return the state that the recipient is settled in.
    """
    devices, usable = contacts.devices, contacts.usable_phones
    if devices and not (sms_first and usable):
        return Choice(
            "push",
            tuple(device.device_id for device in devices),
            masked=f"{len(devices)} device(s)",
            fallback=bool(usable),
            shared=tuple(device.as_shared for device in devices if device.shared),
        )
    if usable:
        phone = usable[0]
        shared = (phone.as_shared,) if phone.shared else ()
        return Choice("sms", (str(phone.phone_id),), masked=phone.masked, shared=shared)
    return nobody_to_call(contacts.phones)


def nobody_to_call(phones: Sequence[Phone]) -> Decision:
    """Say why a recipient without a device cannot be told on any of these phones."""
    if any(phone.opted_out for phone in phones):
        return Decision(State.OPTED_OUT, "opted-out")
    if any(not phone.consent for phone in phones):
        return Decision(State.OPTED_OUT, "no-consent")
    return Decision(State.UNREACHABLE, "bad-contact" if phones else "no-contact")


def without_taken(choice: Choice, taken: Collection[str], contacts: Contacts) -> Choice | None:
    """Leave out the contacts on which somebody else is told already. Return None if none is left (`covered`).

    `taken` are ids as the choice has them.
    """
    left = tuple(contact for contact in choice.contacts if contact not in taken)
    if left == choice.contacts:
        return choice
    if left:
        return Choice(choice.channel, left, choice.masked, choice.fallback)
    if choice.channel == "push":
        return None
    others = [phone for phone in contacts.usable_phones if str(phone.phone_id) not in choice.contacts]
    if others and not others[0].shared:
        return Choice("sms", (str(others[0].phone_id),), others[0].masked)
    return None


def cut(members: Sequence[T], size_max: int = BATCH_SIZE_MAX) -> Iterator[Sequence[T]]:
    """Cut members into batches."""
    for start in range(0, len(members), size_max):
        yield members[start : start + size_max]
