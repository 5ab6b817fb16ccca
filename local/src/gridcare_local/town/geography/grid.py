"""The grid of a demo world: substations → feeders → transformers, as many as the supply points need."""

from collections.abc import Iterator
from itertools import pairwise
from math import isqrt

import msgspec

from gridcare_local.town.dice import Dice, dice_prefix
from gridcare_local.town.geography.teams import TEAM_COUNT, load_teams, unit_code, wards_of
from gridcare_local.town.geography.wards import Ward
from gridcare_local.town.records import Feeder, Substation, Transformer

_TRANSFORMER_SIZE = (60, 90, 120)  # supply points: fewest, usual, most
_FEEDER_SIZE = (15, 27, 40)  # transformers
_SUBSTATION_SIZE = (6, 8, 10)  # feeders
# with fewer supply points in a ward, a transformer would feed only a handful; so small worlds have fewer wards
_WARD_SIZE_MIN = 70
_WEIGHTS = {"Phường": 14, "Xã": 10}  # urban wards have somewhat more supply points than rural ones
# it shares no divisor with 28, so the first few wards of a small world are far apart, in all old provinces
_TEAM_STRIDE = 11

_MICRO = 1_000_000
_MICRODEGREES_A_KM = 8993
_LONGITUDE_PERMILLE = (
    1015  # at 9.3 to 10.3° north a kilometre spans more degrees of longitude; constant, so that no libm is involved
)


class Block(msgspec.Struct, frozen=True):
    """A transformer and its supply points: numbers `first` to `first + size - 1` of the team."""

    team: int
    ward: Ward
    first: int
    size: int
    lat_micro: int
    lon_micro: int
    transformer_id: str
    feeder_id: str
    substation_id: str

    def record(self) -> Transformer:
        """Return the transformer as it is written to grid.json."""
        return Transformer(
            transformer_id=self.transformer_id,
            feeder_id=self.feeder_id,
            substation_id=self.substation_id,
            team_id=load_teams()[self.team].team_id,
            ward_code=self.ward.code,
            lat=self.lat_micro / _MICRO,
            lon=self.lon_micro / _MICRO,
            supply_points=self.size,
        )


def lay_grid(supply_points: int, seed: int) -> tuple[Block, ...]:
    """Return every transformer, about one for 90 supply points, ordered by team, feeder and number."""
    chosen = _quotas(supply_points)
    blocks: list[Block] = []
    for team in range(TEAM_COUNT):
        quotas = [(ward, chosen[ward.code]) for ward in wards_of(team) if chosen.get(ward.code)]
        blocks += _team_grid(team, quotas, seed)
    return tuple(blocks)


def _quotas(supply_points: int) -> dict[str, int]:
    """Divide the supply points among wards by weight, without a remainder."""
    order = [(k * _TEAM_STRIDE) % TEAM_COUNT for k in range(TEAM_COUNT)]
    rounds = max(len(wards_of(team)) for team in order)
    wards = [wards_of(team)[r] for r in range(rounds) for team in order if r < len(wards_of(team))]
    wards = wards[: max(1, supply_points // _WARD_SIZE_MIN)]
    total = sum(_WEIGHTS[ward.kind] for ward in wards)
    quotas: dict[str, int] = {}
    weight = given = 0
    for ward in wards:
        weight += _WEIGHTS[ward.kind]
        quotas[ward.code] = supply_points * weight // total - given
        given += quotas[ward.code]
    return quotas


def _team_grid(team: int, quotas: list[tuple[Ward, int]], seed: int) -> Iterator[Block]:
    unit = unit_code(team)
    dice_start = dice_prefix(seed, "grid")
    sizes = [
        (ward, size)
        for number, (ward, quota) in enumerate(quotas)
        for size in _split(quota, _TRANSFORMER_SIZE, Dice(dice_start + b"ward", team, number))
    ]
    if not sizes:
        return
    feeders = _split(len(sizes), _FEEDER_SIZE, Dice(dice_start + b"feeders", team, 0))
    substations = _split(len(feeders), _SUBSTATION_SIZE, Dice(dice_start + b"substations", team, 0))
    substation_of = [number for number, size in enumerate(substations, 1) for _ in range(size)]
    feeder_of = [number for number, size in enumerate(feeders, 1) for _ in range(size)]
    first = 0
    for number, (ward, size) in enumerate(sizes):
        lat_micro, lon_micro = _site(ward, Dice(dice_start + b"site", team, number))
        yield Block(
            team=team,
            ward=ward,
            first=first,
            size=size,
            lat_micro=lat_micro,
            lon_micro=lon_micro,
            transformer_id=f"TR{unit}-{number + 1:05d}",
            feeder_id=f"FD{unit}-{feeder_of[number]:03d}",
            substation_id=f"SS{unit}-{substation_of[feeder_of[number] - 1]:02d}",
        )
        first += size


def _split(total: int, sizes: tuple[int, int, int], dice: Dice) -> list[int]:
    """Cut a total into uneven parts of about the usual size, within the limits if the total allows it."""
    fewest, usual, most = sizes
    parts = max(1, (total + usual // 2) // usual, -(-total // most))
    reach = max(0, min(total // parts - fewest, most - -(-total // parts)) // 2)
    cuts = [0, *(part * total // parts + dice.around(reach) for part in range(1, parts)), total]
    return [end - start for start, end in pairwise(cuts)]


def _site(ward: Ward, dice: Dice) -> tuple[int, int]:
    """Place a transformer in the square inside a circle of the ward's area; return microdegrees."""
    reach_km_thousandths = isqrt(int(ward.area_km2 * _MICRO) // 6)  # half the side: the root of area / 2π
    return offset(round(ward.lat * _MICRO), round(ward.lon * _MICRO), reach_km_thousandths, dice)


def offset(lat_micro: int, lon_micro: int, reach_m: int, dice: Dice) -> tuple[int, int]:
    """Move a point by up to `reach_m` metres on each axis."""
    north = dice.around(reach_m) * _MICRODEGREES_A_KM // 1000
    east = dice.around(reach_m) * _MICRODEGREES_A_KM * _LONGITUDE_PERMILLE // 1_000_000
    return lat_micro + north, lon_micro + east


def substations_and_feeders(blocks: tuple[Block, ...]) -> tuple[list[Substation], list[Feeder]]:
    """Return the substations and feeders of the transformers, each with the wards that it reaches."""
    feeders: dict[tuple[int, str, str], dict[str, None]] = {}
    substations: dict[tuple[int, str], dict[str, None]] = {}
    for block in blocks:
        feeders.setdefault((block.team, block.substation_id, block.feeder_id), {})[block.ward.code] = None
        substations.setdefault((block.team, block.substation_id), {})[block.ward.code] = None
    teams = load_teams()
    return (
        [Substation(name, teams[team].team_id, tuple(wards)) for (team, name), wards in substations.items()],
        [Feeder(name, station, teams[team].team_id, tuple(wards)) for (team, station, name), wards in feeders.items()],
    )
