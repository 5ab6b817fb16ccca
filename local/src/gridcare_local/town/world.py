"""A demo world: everything that is generated from a seed and a number of supply points."""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from gridcare_local.town.dice import Dice, dice_prefix
from gridcare_local.town.geography.grid import Block, lay_grid, offset
from gridcare_local.town.geography.teams import unit_code
from gridcare_local.town.people.customers import CANARY_MARKER, Customer, Customers
from gridcare_local.town.people.names import street_address
from gridcare_local.town.people.phones import CANARIES_MAX
from gridcare_local.town.records import Contact, Device, SupplyPoint

SUPPLY_POINTS_MAX = 5_000_000
"""Four times Can Tho. The largest team must not exceed TEAM_SIZE_MAX, or two customers could get the same phone."""

_SPREAD_M = 300  # the greatest distance of a supply point from its transformer in each direction
_CHANGED_PERMILLE = 50  # supply points that were changed once or twice, so that their version is above 1
_KHMER_PROVINCE = "Sóc Trăng"


class DemoWorld:
    """Supply points, contacts and devices, generated on demand.

    Memory use grows only with the transformers (about one for 90 supply points). Canaries are customers spread over the
    world whose first phone ends in CANARY_SUFFIX and whose names, addresses and registrations contain CANARY_MARKER.
    Raises ValueError if there are not 1 to SUPPLY_POINTS_MAX supply points, or if there are more canaries than
    CANARIES_MAX or a quarter of the supply points.
    """

    def __init__(self, *, supply_points: int, seed: int = 1, canaries: int = 0) -> None:
        if not 1 <= supply_points <= SUPPLY_POINTS_MAX:
            raise ValueError(f"the number of supply points must lie between 1 and {SUPPLY_POINTS_MAX}")
        canaries_max = min(CANARIES_MAX, supply_points // 4)
        if not 0 <= canaries <= canaries_max:
            raise ValueError(f"the number of canaries must lie between 0 and {canaries_max}")
        self.supply_points_count = supply_points
        self.seed = seed
        self.blocks = lay_grid(supply_points, seed)
        self._supply_point_dice = dice_prefix(seed, "place")
        self._customers = Customers(seed, {})
        self.canary_codes: tuple[str, ...] = ()
        if canaries:
            owners = self._canary_owners(canaries)
            self._customers = Customers(seed, {owner: number for number, owner in enumerate(owners)})
            self.canary_codes = tuple(f"PB{unit_code(team)}{index:07d}" for team, index in owners)

    def supply_points(self) -> Iterator[SupplyPoint]:
        """Yield every supply point, transformer by transformer."""
        for block in self.blocks:
            yield from self.supply_points_of(block)

    def contacts(self) -> Iterator[Contact]:
        """Yield every contact, in the order of the customers' first supply points."""
        for block in self.blocks:
            for customer in self.customers_of(block):
                yield from self.contacts_of(customer)

    def devices(self) -> Iterator[Device]:
        """Yield every device, in the order of the customers' first supply points."""
        for block in self.blocks:
            for customer in self.customers_of(block):
                yield from self.devices_of(customer)

    def supply_points_of(self, block: Block) -> Iterator[SupplyPoint]:
        """Yield the supply points of one transformer."""
        canaries = set(self.canary_codes)
        unit = unit_code(block.team)
        ward = block.ward
        for index in range(block.first, block.first + block.size):
            dice = Dice(self._supply_point_dice, block.team, index)
            lat_micro, lon_micro = offset(block.lat_micro, block.lon_micro, _SPREAD_M, dice)
            code = f"PB{unit}{self._customers.owner(block.team, index):07d}"
            address = street_address(ward.kind, ward.name, dice)
            version = 1 if dice.below(1000) >= _CHANGED_PERMILLE else 2 + dice.below(2)
            yield SupplyPoint(
                supply_point_id=f"SP{unit}{index:06d}",
                customer_code=code,
                transformer_id=block.transformer_id,
                feeder_id=block.feeder_id,
                substation_id=block.substation_id,
                ward_code=ward.code,
                address=f"Hẻm {CANARY_MARKER}, {address}" if code in canaries else address,
                lat=lat_micro / 1_000_000,
                lon=lon_micro / 1_000_000,
                version=version,
            )

    def customers_of(self, block: Block) -> Iterator[Customer]:
        """Yield the customers whose first supply point is on one transformer."""
        khmer = block.ward.former_province == _KHMER_PROVINCE
        for index in range(block.first, block.first + block.size):
            if self._customers.owner(block.team, index) == index:
                yield self._customers.customer(block.team, index, khmer=khmer)

    def contacts_of(self, customer: Customer) -> Iterator[Contact]:
        """Yield a customer's contacts. Call it only once for each `Customer`."""
        return self._customers.contacts(customer)

    def devices_of(self, customer: Customer) -> Iterator[Device]:
        """Yield a customer's devices."""
        return self._customers.devices(customer)

    def _canary_owners(self, canaries: int) -> tuple[tuple[int, int], ...]:
        """Choose the (team, index) of customers spread evenly over the supply points, none twice."""
        ends = list(accumulate(block.size for block in self.blocks))
        owners: dict[tuple[int, int], None] = {}
        for number in range(canaries):
            position = number * self.supply_points_count // canaries
            while True:
                block_number = bisect_right(ends, position)
                block = self.blocks[block_number]
                index = block.first + block.size - (ends[block_number] - position)
                owner = block.team, self._customers.owner(block.team, index)
                if owner not in owners:
                    break
                position = (position + 1) % self.supply_points_count
            owners[owner] = None
        return tuple(owners)
