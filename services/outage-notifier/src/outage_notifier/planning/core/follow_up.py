"""What becomes of a delivery that is due again: another batch with contacts chosen now, or its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from outage_notifier.ledger.core.delivery import Decision, State
from outage_notifier.planning.core.audience import Device, Phone, Reach


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that waited: its state, why, the channel that it waits for, and the devices that took its push."""

    recipient_id: str
    state: State
    reason: str
    channel: str
    told_devices: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Follow:
    """It is sent again, to these contacts; to none when a push has no device left to go to but was taken by others."""

    channel: str
    contacts: tuple[str, ...]
    fallback: bool


@dataclass(frozen=True, slots=True)
class Covered:
    """Somebody else is told of the notice on the only contact that is left."""

    by: str


def keys_to_note(waiting: Waiting, reach: Reach) -> list[bytes]:
    """Give the shared contacts that would be used, to be noted before anything is decided."""
    devices = _untold(waiting, reach)
    if waiting.channel == "push" and (devices or waiting.told_devices):
        return [device.contact_key for device in devices if device.shared]
    return [phone.contact_key for phone in _usable(reach)[:1] if phone.shared]


def follow(waiting: Waiting, reach: Reach, owners: Mapping[bytes, str]) -> Follow | Covered | Decision:
    """Choose contacts as they are now; `owners` says who is told of the notice on each shared contact.

    A push whose devices are gone is followed by an SMS.
    """
    devices = _untold(waiting, reach)
    if waiting.channel == "push" and (devices or waiting.told_devices):
        free = [d for d in devices if not d.shared or _mine(d.contact_key, waiting, owners)]
        if free or waiting.told_devices:
            return Follow("push", tuple(d.device_id for d in free), fallback=bool(_usable(reach)))
        return _covered(waiting, owners[devices[0].contact_key])
    usable = _usable(reach)
    if not usable:
        return _nobody(waiting, reach.phones)
    first, others = usable[0], usable[1:]
    if not first.shared or _mine(first.contact_key, waiting, owners):
        return Follow("sms", (str(first.phone_id),), fallback=False)
    alone = next((phone for phone in others if not phone.shared), None)
    if alone is not None:
        return Follow("sms", (str(alone.phone_id),), fallback=False)
    return _covered(waiting, owners[first.contact_key])


def _untold(waiting: Waiting, reach: Reach) -> Sequence[Device]:
    return [device for device in reach.devices if device.device_id not in waiting.told_devices]


def _usable(reach: Reach) -> Sequence[Phone]:
    return [phone for phone in reach.phones if phone.usable]


def _mine(key: bytes, waiting: Waiting, owners: Mapping[bytes, str]) -> bool:
    return owners.get(key, waiting.recipient_id) == waiting.recipient_id


def _covered(waiting: Waiting, by: str) -> Covered | Decision:
    """Whoever had the push already keeps that: it was told on a contact of its own."""
    if waiting.state is State.AWAITING:
        return Decision(State.ACCEPTED, "fallback-covered")
    return Covered(by)


def _nobody(waiting: Waiting, phones: Sequence[Phone]) -> Decision:
    if waiting.state is State.AWAITING:
        return Decision(State.ACCEPTED, "no-fallback")
    if any(phone.opted_out or not phone.consent for phone in phones):
        return Decision(State.OPTED_OUT, "opted-out" if any(phone.opted_out for phone in phones) else "no-consent")
    if waiting.state is State.RETRYING and waiting.reason:
        return Decision(State.UNREACHABLE, waiting.reason)
    return Decision(State.UNREACHABLE, "bad-contact" if phones else "no-contact")
