"""Who is told over what: the choice that planning makes for each recipient, and how batches are cut."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from outage_notifier.texts.languages import Language

BATCH_SIZE_MAX: Final = 500
"""At FCM's own batch size: one batch takes well under a lease even at a provider's worst pace."""

PAGE_SIZE: Final = 5_000
"""Recipients planned in one transaction: some 20 ms of it, and ten full batches."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Phone:
    """A recipient's phone as planning sees it: never the number itself."""

    phone_id: int
    contact_key: bytes
    masked: str
    consent: bool
    opted_out: bool
    bad: bool
    shared: bool

    @property
    def usable(self) -> bool:
        return self.consent and not self.opted_out and not self.bad


@dataclass(frozen=True, slots=True)
class Device:
    """A recipient's live device."""

    device_id: str
    shared: bool

    @property
    def contact_key(self) -> bytes:
        return self.device_id.encode()


@dataclass(frozen=True, slots=True)
class Reach:
    """How one recipient can be reached."""

    recipient_id: str
    language: Language
    devices: tuple[Device, ...]
    phones: tuple[Phone, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What planning chose: a channel with its contacts, or a settled state (`unreachable`, `opted_out`) with its reason.

    `shared_keys`: contacts of the choice that other customers have too, to be noted once a notice.
    """

    channel: str
    contacts: tuple[str, ...] = ()
    fallback: bool = False
    state: str = ""
    reason: str = ""
    masked: str = ""
    shared_keys: tuple[bytes, ...] = ()


def choose(reach: Reach, *, sms_first: bool) -> Choice:
    """Choose a recipient's channel: push where a device is live, unless the template demands SMS at once."""
    usable = [phone for phone in reach.phones if phone.usable]
    if reach.devices and not (sms_first and usable):
        return Choice(
            "push",
            tuple(device.device_id for device in reach.devices),
            fallback=bool(usable),
            masked=f"{len(reach.devices)} device(s)",
            shared_keys=tuple(device.contact_key for device in reach.devices if device.shared),
        )
    if usable:
        phone = usable[0]
        keys = (phone.contact_key,) if phone.shared else ()
        return Choice("sms", (str(phone.phone_id),), masked=phone.masked, shared_keys=keys)
    return _nobody(reach.phones)


def _nobody(phones: Sequence[Phone]) -> Choice:
    if any(phone.opted_out or not phone.consent for phone in phones):
        reason = "opted-out" if any(phone.opted_out for phone in phones) else "no-consent"
        return Choice("none", state="opted_out", reason=reason)
    return Choice("none", state="unreachable", reason="bad-contact" if phones else "no-contact")


def without_noted(choice: Choice, noted: Sequence[str], reach: Reach) -> Choice | None:
    """Take away the contacts on which somebody else is told already; None when nothing is left (`covered`).

    `noted` are the contact keys' owners' contacts, as the ids that stand in the choice.
    """
    left = tuple(contact for contact in choice.contacts if contact not in noted)
    if left == choice.contacts:
        return choice
    if left:
        return Choice(choice.channel, left, choice.fallback, masked=choice.masked)
    others = [
        phone
        for phone in reach.phones
        if phone.usable and not (choice.channel == "sms" and str(phone.phone_id) in choice.contacts)
    ]
    if choice.channel == "sms" and others and not others[0].shared:
        return Choice("sms", (str(others[0].phone_id),), masked=others[0].masked)
    return None


def cut(members: Sequence[T], size_max: int = BATCH_SIZE_MAX) -> Iterator[Sequence[T]]:
    """Cut members into batches."""
    for start in range(0, len(members), size_max):
        yield members[start : start + size_max]
