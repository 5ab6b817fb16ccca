"""Planning one page of an audience: each recipient's place, channel and batch."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from outage_notifier.ledger.core.delivery import State
from outage_notifier.ledger.core.member import Member
from outage_notifier.planning.core.audience import Choice, Reach, choose, without_noted


@dataclass(frozen=True, slots=True)
class Place:
    """A recipient in a notice's audience: its number there, and how it can be reached."""

    notice_id: UUID
    number: int
    reach: Reach


@dataclass(frozen=True, slots=True)
class Settled:
    """A recipient who is not sent anything: the state it is settled in, and why."""

    place: Place
    state: State
    reason: str
    covered_by: str | None = None
    contact: str = ""


@dataclass(frozen=True, slots=True)
class PagePlan:
    """A page, decided: members by channel, and who is settled at once."""

    members: Mapping[str, Sequence[Member]]
    settled: Sequence[Settled]


def chosen(places: Sequence[Place], *, sms_first: bool) -> list[Choice]:
    """Choose each recipient's channel and contacts."""
    return [choose(place.reach, sms_first=sms_first) for place in places]


def contacts_to_note(places: Sequence[Place], choices: Sequence[Choice]) -> dict[UUID, list[tuple[bytes, str]]]:
    """List, by notice, the shared contacts that the choices would use, in the order of the audience."""
    wanted: dict[UUID, list[tuple[bytes, str]]] = defaultdict(list)
    for place, choice in zip(places, choices, strict=True):
        wanted[place.notice_id] += [(key, place.reach.recipient_id) for key in choice.shared_keys]
    return {notice_id: keys for notice_id, keys in wanted.items() if keys}


def plan_page(
    places: Sequence[Place],
    choices: Sequence[Choice],
    owners: Mapping[UUID, Mapping[bytes, str]],
    *,
    packed: bool,
) -> PagePlan:
    """Decide a page, given who is told on each shared contact (`owners`, by notice and contact)."""
    members: dict[str, list[Member]] = defaultdict(list)
    settled: list[Settled] = []
    for place, choice in zip(places, choices, strict=True):
        if choice.channel == "none":
            settled.append(Settled(place, State(choice.state), choice.reason))
            continue
        taken = _taken_by_others(place, choice, owners.get(place.notice_id, {}))
        left = without_noted(choice, list(taken), place.reach) if taken else choice
        if left is None:
            owner = next(iter(taken.values()))
            settled.append(Settled(place, State.COVERED, "shared-contact", owner, choice.masked))
        else:
            members[left.channel].append(_member(place, left, packed=packed))
    return PagePlan(members, settled)


def _taken_by_others(place: Place, choice: Choice, owners: Mapping[bytes, str]) -> dict[str, str]:
    """Give the choice's contacts on which another recipient is told already, with that recipient."""
    keys = {
        key: owners[key]
        for key in choice.shared_keys
        if owners.get(key, place.reach.recipient_id) != place.reach.recipient_id
    }
    if not keys:
        return {}
    by_key = {device.contact_key: device.device_id for device in place.reach.devices}
    by_key |= {phone.contact_key: str(phone.phone_id) for phone in place.reach.phones}
    return {by_key[key]: owner for key, owner in keys.items()}


def _member(place: Place, choice: Choice, *, packed: bool) -> Member:
    return Member(
        place.number,
        place.reach.recipient_id,
        place.reach.language,
        choice.contacts,
        choice.fallback,
        place.notice_id if packed else None,
    )
