"""A demo world is consistent, and its proportions are realistic."""

from collections import Counter

import phonenumbers
import pytest

from gridcare.values.customer_code import is_customer_code
from gridcare.values.phone import parse_mobile
from gridcare_local.town import DemoWorld
from gridcare_local.town.geography.grid import lay_grid, substations_and_feeders
from gridcare_local.town.geography.teams import load_teams
from gridcare_local.town.geography.wards import load_wards
from gridcare_local.town.people.customers import CANARY_MARKER, TEAM_SIZE_MAX
from gridcare_local.town.people.phones import CANARIES_MAX, CANARY_SUFFIX, canary_phone, phone
from gridcare_local.town.world import SUPPLY_POINTS_MAX

SIZE = 30_000


@pytest.fixture(scope="module")
def world():
    return DemoWorld(supply_points=SIZE, seed=7, canaries=25)


@pytest.fixture(scope="module")
def supply_points(world):
    return list(world.supply_points())


@pytest.fixture(scope="module")
def contacts(world):
    return list(world.contacts())


@pytest.fixture(scope="module")
def devices(world):
    return list(world.devices())


@pytest.mark.parametrize("size", [1, 7, 60, 200, 2_000, 20_000])
def test_worlds_have_any_size(size):
    """A world has exactly the requested number of supply points, with unique ids."""
    ids = {supply_point.supply_point_id for supply_point in DemoWorld(supply_points=size).supply_points()}
    assert len(ids) == size


@pytest.mark.parametrize("size", [200, 2_000, 30_000, 1_300_000])
def test_grids_are_trees(size):
    """Each transformer has one feeder and each feeder one substation, with realistic sizes at the size of Can Tho."""
    blocks = lay_grid(size, seed=1)
    substations, feeders = substations_and_feeders(blocks)
    assert len({block.transformer_id for block in blocks}) == len(blocks)
    assert len({feeder.feeder_id for feeder in feeders}) == len(feeders)
    assert {block.feeder_id for block in blocks} == {feeder.feeder_id for feeder in feeders}
    assert {feeder.substation_id for feeder in feeders} == {substation.substation_id for substation in substations}
    assert all(60 <= block.size <= 120 for block in blocks)
    transformers = Counter(block.feeder_id for block in blocks)
    assert max(transformers.values()) <= 40
    if size == 1_300_000:
        assert min(transformers.values()) >= 15
        branches = Counter(feeder.substation_id for feeder in feeders)
        assert min(branches.values()) >= 6
        assert max(branches.values()) <= 10


def test_the_largest_world_fits():
    """No team of the largest world has more supply points than numbers reserved for its phones."""
    ends = [block.first + block.size for block in lay_grid(SUPPLY_POINTS_MAX, seed=1)]
    assert max(ends) <= TEAM_SIZE_MAX


def test_supply_points_match_their_ward(world, supply_points):
    """All 103 ward codes are used, and address, coordinates, grid and unit code fit the supply point's ward."""
    team_of = {code: team.team_id for team in load_teams() for code in team.ward_codes}
    wards = {ward.code: ward for ward in load_wards()}
    assert {supply_point.ward_code for supply_point in supply_points} == set(wards)
    for supply_point in supply_points:
        ward = wards[supply_point.ward_code]
        assert is_customer_code(supply_point.customer_code)
        assert supply_point.customer_code.startswith(team_of[ward.code])
        assert f"{ward.kind} {ward.name}" in supply_point.address
        assert abs(supply_point.lat - ward.lat) < 0.1
        assert abs(supply_point.lon - ward.lon) < 0.1
        assert supply_point.version >= 1
    transformers = {block.transformer_id: block.record() for block in world.blocks}
    for supply_point in supply_points:
        transformer = transformers[supply_point.transformer_id]
        assert (supply_point.feeder_id, supply_point.substation_id, supply_point.ward_code) == (
            transformer.feeder_id,
            transformer.substation_id,
            transformer.ward_code,
        )


def test_contacts_belong_to_customers(supply_points, contacts, devices):
    """Every contact and device belongs to a customer with a supply point."""
    customers = {supply_point.customer_code for supply_point in supply_points}
    assert {contact.customer_code for contact in contacts} <= customers
    assert {device.customer_code for device in devices} <= customers


def test_proportions_are_realistic(supply_points, contacts, devices):
    """The shares of several supply points, no contact, no phone, shared phones and devices are near their targets."""
    held = Counter(supply_point.customer_code for supply_point in supply_points)
    phones = Counter(contact.customer_code for contact in contacts)
    owned = Counter(device.customer_code for device in devices)
    users = Counter(contact.phone for contact in contacts)

    def share(count, of):
        return count / of

    assert 0.03 < share(sum(n > 1 for n in held.values()), len(held)) < 0.05
    assert 0.05 < share(len(held.keys() - phones.keys() - owned.keys()), len(held)) < 0.07
    assert 0.01 < share(len(owned.keys() - phones.keys()), len(held)) < 0.04
    assert 0.10 < share(sum(n > 1 for n in phones.values()), len(held)) < 0.15
    assert 0.02 < share(sum(n > 1 for n in users.values()), len(users)) < 0.04
    assert max(users.values()) > 2
    assert 0.43 < share(sum(n == 1 for n in owned.values()), len(held)) < 0.47
    assert 0.07 < share(sum(n > 1 for n in owned.values()), len(held)) < 0.09


def test_four_languages_are_spoken(contacts):
    """About 84 % speak Vietnamese, 12 % Khmer, 2 % Chinese and 2 % English; most Khmer speakers live in Soc Trang."""
    spoken = Counter(contact.language for contact in contacts)
    for language, low, high in (("vi", 0.82, 0.86), ("km", 0.10, 0.14), ("zh", 0.01, 0.03), ("en", 0.01, 0.03)):
        assert low < spoken[language] / len(contacts) < high
    khmer = [contact.customer_code for contact in contacts if contact.language == "km"]
    assert sum(code[2:6] >= "1118" for code in khmer) > 0.8 * len(khmer)


def test_phones_are_valid_mobiles(contacts):
    """Each phone is valid according to phonenumbers, and our own parser leaves it unchanged."""
    for contact in contacts[::10]:
        assert phonenumbers.is_valid_number(phonenumbers.parse(contact.phone))
        assert parse_mobile(contact.phone) == contact.phone


def test_contacts_are_diverse(contacts):
    """Some contacts have no consent, some have no name, and every segment occurs."""
    assert 0.05 < sum(not contact.consent for contact in contacts) / len(contacts) < 0.09
    assert 0.05 < sum(contact.name is None for contact in contacts) / len(contacts) < 0.11
    segments = {contact.segment for contact in contacts}
    assert segments == {None, "ordinary", "life_support", "elderly", "business", "hospital"}


def test_registrations_are_opaque_and_unique(devices):
    """A fid has 22 characters and a token 140 to 160, and all are unique."""
    assert len({device.registration for device in devices}) == len(devices)
    assert {len(device.registration) for device in devices if device.kind == "fid"} == {22}
    assert all(140 <= len(device.registration) <= 160 for device in devices if device.kind == "token")
    assert {device.platform for device in devices} == {"android", "ios"}


def test_numbers_have_different_phones():
    """Phones of different numbers differ, and none is a canary's."""
    made = {phone(number, shift=12345) for number in range(200_000)}
    assert len(made) == 200_000
    assert not any(number.endswith(CANARY_SUFFIX) for number in made)


def test_canary_phones_are_unique():
    """All possible canaries have different phones, which our parser accepts."""
    phones = {canary_phone(number) for number in range(CANARIES_MAX)}
    assert len(phones) == CANARIES_MAX
    assert {parse_mobile(number) for number in phones} == phones


def test_only_canaries_are_marked(world, supply_points, contacts, devices):
    """The marker in names, addresses and registrations and the suffix of phones identify exactly the canaries."""
    canaries = set(world.canary_codes)
    assert len(canaries) == 25
    assert {c.customer_code for c in contacts if CANARY_MARKER in (c.name or "")} == canaries
    assert {c.customer_code for c in contacts if c.phone.endswith(CANARY_SUFFIX)} == canaries
    assert {s.customer_code for s in supply_points if CANARY_MARKER in s.address} == canaries
    marked = {device.customer_code for device in devices if CANARY_MARKER in device.registration}
    assert marked == {device.customer_code for device in devices} & canaries


def test_parts_need_no_others(world, supply_points):
    """The supply points of the last transformer are the same whether generated alone or after all others."""
    last = world.blocks[-1]
    assert list(world.supply_points_of(last)) == supply_points[-last.size :]


@pytest.mark.parametrize(
    "arguments",
    [
        {"supply_points": 0},
        {"supply_points": SUPPLY_POINTS_MAX + 1},
        {"supply_points": 100, "seed": -1},
        {"supply_points": 100, "canaries": 26},
        {"supply_points": 100_000, "canaries": CANARIES_MAX + 1},
    ],
)
def test_limits_are_checked(arguments):
    """Sizes, seeds and numbers of canaries beyond the limits raise an error."""
    with pytest.raises(ValueError, match="must lie between"):
        DemoWorld(**arguments)
