"""The owners of supply points, and their phones and devices."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from hashlib import shake_128

import msgspec

from gridcare_local.town.dice import Dice, dice_prefix
from gridcare_local.town.geography.teams import unit_code
from gridcare_local.town.people.names import person
from gridcare_local.town.people.phones import canary_phone, phone
from gridcare_local.town.records import Contact, Device, Language, Segment

CANARY_MARKER = "Kanarvogel"
"""A word in the names, addresses and device registrations of canaries and nowhere else. It is ASCII, so that no
encoding hides it."""

TEAM_SIZE_MAX = 2**19
_PHONES_MAX = 4  # phone numbers reserved for each customer

# in thousandths of all draws, unless named otherwise
_FURTHER_SUPPLY_POINT = 39  # supply points of the customer of an earlier one: 4 % of customers have several
_NEARBY = 4_000  # the greatest distance to that earlier one, longer than a feeder
_UNREACHABLE = 60
_NO_PHONE = 30
_TWO_PHONES = 120
_THREE_PHONES = 10
_ONE_DEVICE = 467
_MORE_DEVICES = 86
_BORROWED_PHONE = 47
_NEIGHBOURHOOD = (
    64  # half of the borrowed phones belong to one customer among this many supply points: a neighbour or a shop
)
_LANGUAGES: Mapping[bool, tuple[int, int, int]] = {
    True: (268, 29, 12),
    False: (26, 13, 25),
}  # in Soc Trang or not: km, zh, en
_SPEAKS_VIETNAMESE_TOO = 200
_CONSENT = 930
_NAMELESS = 80
_FID = 600
_IOS = 280
_SEGMENTS_PER_10000: tuple[tuple[int, Segment], ...] = (
    (10, "life_support"),
    (5, "hospital"),
    (400, "elderly"),
    (800, "business"),
    (3000, "ordinary"),
)
_FID_BYTES = 18
_TOKEN_BYTES = 96


class Customer(msgspec.Struct, frozen=True):
    """A customer; `index` is the number of their first supply point in the team."""

    team: int
    index: int
    code: str
    canary: int | None
    phones: int
    borrows: bool
    devices: int
    language: Language
    segment: Segment | None
    dice: Dice


class Customers:
    """The customers of one world. Each is generated from its own digest, so it does not need the others.

    `canaries` maps the (team, index) of a canary to its number.
    """

    def __init__(self, seed: int, canaries: Mapping[tuple[int, int], int]) -> None:
        self._canaries = canaries
        self._owner_dice = dice_prefix(seed, "owner")
        self._customer_dice = dice_prefix(seed, "customer")
        self._registration = dice_prefix(seed, "registration")
        self._shift = Dice(dice_prefix(seed, "phones"), 0, 0).below(10**9)

    def owner(self, team: int, index: int) -> int:
        """Return the number of the first supply point of this one's owner, which for most is itself."""
        while index:
            dice = Dice(self._owner_dice, team, index)
            if dice.below(1000) >= _FURTHER_SUPPLY_POINT:
                return index
            index -= 1 + dice.below(min(_NEARBY, index))
        return index

    def customer(self, team: int, index: int, *, khmer: bool) -> Customer:
        """Return the customer whose first supply point this is. `khmer` says that many people there speak Khmer."""
        dice = Dice(self._customer_dice, team, index)
        canary = self._canaries.get((team, index))
        reachable = dice.below(1000) >= _UNREACHABLE or canary is not None
        draw = dice.below(1000)
        phones = 1 + (draw < _TWO_PHONES + _THREE_PHONES) + (draw < _THREE_PHONES)
        if draw >= 1000 - _NO_PHONE and canary is None:
            phones = 0
        draw = dice.below(1000)
        devices = 2 + dice.below(2) if draw < _MORE_DEVICES else int(draw < _MORE_DEVICES + _ONE_DEVICE or not phones)
        return Customer(
            team=team,
            index=index,
            code=f"PB{unit_code(team)}{index:07d}",
            canary=canary,
            phones=phones if reachable else 0,
            borrows=dice.below(1000) < _BORROWED_PHONE and canary is None,
            devices=devices if reachable else 0,
            language=_language(khmer, dice),
            segment=_segment(dice),
            dice=dice,
        )

    def contacts(self, customer: Customer) -> Iterator[Contact]:
        """Yield a contact for each phone of the customer. Call it only once: it draws from the customer's dice."""
        dice = customer.dice
        for slot in range(customer.phones):
            language = customer.language
            if slot and dice.below(1000) < _SPEAKS_VIETNAMESE_TOO:
                language = "vi"
            name = person(language, dice)
            named = dice.below(1000) >= _NAMELESS
            if customer.canary is not None:
                name, named = f"{CANARY_MARKER} {name}", True
            yield Contact(
                customer_code=customer.code,
                phone=self._phone(customer, slot),
                language=language,
                consent=dice.below(1000) < _CONSENT,
                name=name if named else None,
                segment=customer.segment,
            )

    def devices(self, customer: Customer) -> Iterator[Device]:
        """Yield the customer's devices."""
        if not customer.devices:
            return
        name = b"%d %d " % (customer.team, customer.index)
        for number in range(customer.devices):
            noise = shake_128(self._registration + name + b"%d" % number).digest(4 + _FID_BYTES + _TOKEN_BYTES)
            text = urlsafe_b64encode(noise[4:]).decode()
            fid = text[:22] if customer.canary is None else f"c{CANARY_MARKER}{text[:11]}"
            is_fid = int.from_bytes(noise[:2], "big") % 1000 < _FID
            yield Device(
                customer_code=customer.code,
                kind="fid" if is_fid else "token",
                registration=fid if is_fid else f"{fid}:APA91b{text[22:150]}",
                platform="ios" if int.from_bytes(noise[2:4], "big") % 1000 < _IOS else "android",
            )

    def _phone(self, customer: Customer, slot: int) -> str:
        if customer.canary is not None and slot == 0:
            return canary_phone(customer.canary)
        if customer.borrows and slot == 0:
            lender = self._lender(customer)
            if lender is not None:
                return self._own_phone(customer.team, lender, 0)
        return self._own_phone(customer.team, customer.index, slot)

    def _own_phone(self, team: int, index: int, slot: int) -> str:
        return phone((team * TEAM_SIZE_MAX + index) * _PHONES_MAX + slot, self._shift)

    def _lender(self, customer: Customer) -> int | None:
        """Return the index of a nearby customer whose phone this one uses, or None if that one has none of its own."""
        if not customer.index:
            return None
        head = customer.index - customer.index % _NEIGHBOURHOOD
        back = customer.dice.below(2 * min(_NEARBY, customer.index))
        index = self.owner(customer.team, head if back % 2 else customer.index - 1 - back // 2)
        lender = self.customer(customer.team, index, khmer=False)
        usable = index != customer.index and lender.phones and not lender.borrows and lender.canary is None
        return index if usable else None


def _language(khmer: bool, dice: Dice) -> Language:  # noqa: FBT001 - a single flag, which selects the odds
    km, zh, en = _LANGUAGES[khmer]
    draw = dice.below(1000)
    if draw < km:
        return "km"
    if draw < km + zh:
        return "zh"
    return "en" if draw < km + zh + en else "vi"


def _segment(dice: Dice) -> Segment | None:
    draw = dice.below(10_000)
    for share, segment in _SEGMENTS_PER_10000:
        if draw < share:
            return segment
        draw -= share
    return None
