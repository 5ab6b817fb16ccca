"""A customer's phones: which of them is the primary one, and what adding, replacing, removing and preferring make of them.

What the customer does in the app outlives imports: a phone that they removed does not come back, and one that they made the
primary one stays it. Of those that only imports know, the newest comes first.

A number is verified that the distributor brought, by an import or by staff: planning prefers its owner where customers share it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

Action = Literal["added", "replaced", "removed", "made_primary"]
Maker = Literal["import", "staff", "customer"]
"""Who changes phones: an import, somebody of the staff in the customer's name, or a holder of the customer code in the app."""

PHONES_MAX: Final = 10
"""More than a household has; each is a contact that a message may go to."""

_NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPhone:
    """A customer's phone, sealed. `phone_id` is None while it has no row; `preferred_at` orders those not `chosen` in the app."""

    customer_code: str
    phone_id: int | None = None
    number_sealed: bytes = field(repr=False)
    number_index: bytes = field(repr=False)
    masked: str
    consent: bool
    opted_out: bool = False
    bad_reason: str | None = None
    chosen: bool = False
    preferred_at: datetime | None = None
    removed_at: datetime | None = None
    removed_in_app: bool = False
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What was done to the phone with this index; `replaced` is the index of the one whose place it took."""

    action: Action
    number_index: bytes
    replaced: bytes | None = None


@dataclass(frozen=True, slots=True)
class PhoneChange:
    """One entry of the history of a customer's phones. `made_as` is None for one from before that was kept."""

    change_id: int
    phone_id: int
    action: Action
    replaced_phone_id: int | None
    masked: str
    made_by: str
    made_as: Maker | None
    made_at: datetime


class PhoneBook:
    """One customer's phones, and those removed ones that are named, and what was done to them in this transaction."""

    def __init__(self, phones: Sequence[OwnPhone], *, maker: Maker) -> None:
        self._phones = {phone.number_index: phone for phone in phones}
        self._known = dict(self._phones)
        self.maker = maker
        self._in_app = maker != "import"
        self._verifies = maker != "customer"
        self.changes: list[Change] = []

    @property
    def live(self) -> list[OwnPhone]:
        """The phones that messages may go to, the primary one first."""
        return sorted((phone for phone in self._phones.values() if phone.removed_at is None), key=_place)

    @property
    def changed(self) -> list[OwnPhone]:
        """The phones whose rows are to be written."""
        return [phone for index, phone in self._phones.items() if phone != self._known.get(index)]

    def find(self, number_index: bytes) -> OwnPhone | None:
        """Return the phone with this index, if the customer has or had it."""
        return self._phones.get(number_index)

    def with_id(self, phone_id: int) -> OwnPhone | None:
        """Return the phone with this id, if the customer has or had it."""
        return next((phone for phone in self._phones.values() if phone.phone_id == phone_id), None)

    def add(self, phone: OwnPhone, *, now: datetime) -> None:
        """Add a phone, or bring a removed one back; for one that is there, take over the consent and forget that it was bad.

        An imported phone that was not there comes first of those not chosen in the app; one from the app comes last.
        """
        known = self._phones.get(phone.number_index)
        if known is not None and known.removed_at is not None and known.removed_in_app and not self._in_app:
            return
        if known is not None and known.removed_at is None:
            verified = known.verified or self._verifies
            self._put(replace(known, consent=phone.consent, bad_reason=None, verified=verified))
            return
        verified = self._verifies or (known is not None and known.verified)
        fresh = replace(known or phone, consent=phone.consent, bad_reason=None, chosen=False, verified=verified)
        preferred_at = None if self._in_app else now
        self._put(replace(fresh, preferred_at=preferred_at, removed_at=None, removed_in_app=False))
        self.changes.append(Change("added", phone.number_index))

    def replace(self, old_index: bytes, phone: OwnPhone, *, now: datetime) -> None:
        """Let a phone take another's place; the other one is removed. Again, it changes nothing."""
        old = self._phones.get(old_index)
        if old is None or old.removed_at is not None or old_index == phone.number_index or self._is_the_apps(old):
            self.add(phone, now=now)
            return
        was_primary = self.live[0].number_index == old_index
        self._put(self._removed(old, now))
        noted = len(self.changes)
        self.add(phone, now=now)
        del self.changes[noted:]
        new = self._phones[phone.number_index]
        if new.removed_at is None:
            self._put(
                replace(
                    new,
                    chosen=old.chosen or (self._in_app and was_primary),
                    preferred_at=now if was_primary else old.preferred_at,
                )
            )
        self.changes.append(Change("replaced", phone.number_index, old_index))

    def remove(self, number_index: bytes, *, now: datetime) -> None:
        """Remove a phone; nothing is sent to it any more."""
        phone = self._phones.get(number_index)
        if phone is None or phone.removed_at is not None or self._is_the_apps(phone):
            return
        self._put(self._removed(phone, now))
        self.changes.append(Change("removed", number_index))

    def remove_others(self, number_index: bytes, *, now: datetime) -> None:
        """Remove every phone but this one."""
        for phone in self.live:
            if phone.number_index != number_index:
                self.remove(phone.number_index, now=now)

    def prefer(self, number_index: bytes, *, now: datetime) -> None:
        """Make a phone the primary one, unless the customer chose another in the app."""
        live = self.live
        phone = self._phones.get(number_index)
        if phone is None or phone.removed_at is not None:
            return
        if live[0].number_index == number_index and (live[0].chosen or not self._in_app):
            return
        if live[0].chosen and not self._in_app:
            return
        for other in live:
            if other.chosen and self._in_app:
                self._put(replace(other, chosen=False))
        self._put(replace(phone, chosen=self._in_app, preferred_at=now))
        self.changes.append(Change("made_primary", number_index))

    def _removed(self, phone: OwnPhone, now: datetime) -> OwnPhone:
        """Return a phone as removed. What the distributor takes back, it no longer vouches for."""
        verified = phone.verified and not self._verifies
        return replace(phone, removed_at=now, removed_in_app=self._in_app, verified=verified)

    def _is_the_apps(self, phone: OwnPhone) -> bool:
        return phone.chosen and not self._in_app

    def _put(self, phone: OwnPhone) -> None:
        self._phones[phone.number_index] = phone


def _place(phone: OwnPhone) -> tuple[bool, float, float]:
    preferred = -phone.preferred_at.timestamp() if phone.preferred_at else _NEVER
    return (not phone.chosen, preferred, _NEVER if phone.phone_id is None else phone.phone_id)
