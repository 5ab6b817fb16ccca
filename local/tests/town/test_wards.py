"""The committed wards of Can Tho and the teams that work in them."""

from gridcare_local.town.geography.teams import load_teams
from gridcare_local.town.geography.wards import load_former_wards, load_wards

KM_A_DEGREE = 111.2


def test_there_are_103_wards():
    """Can Tho as merged in 2025 has 103 wards, with codes of five digits in the range of its three old provinces."""
    codes = [ward.code for ward in load_wards()]
    assert len(codes) == len(set(codes)) == 103
    assert all(len(code) == 5 and 31117 <= int(code) <= 31813 for code in codes)


def test_wards_are_in_can_tho():
    """All centres are within the city's bounds, and the areas add up to its 6,360 km², give or take 100 km²."""
    wards = load_wards()
    assert all(9.2 < ward.lat < 10.4 and 105.2 < ward.lon < 106.35 for ward in wards)
    assert abs(sum(ward.area_km2 for ward in wards) - 6360) < 100


def test_old_wards_have_successors():
    """The 263 old wards became all 103 new ones; each divided ward has one successor with most of it."""
    former = load_former_wards()
    assert len({row.former_code for row in former}) == 263
    assert {row.ward_code for row in former} == {ward.code for ward in load_wards()}
    mains = [row.former_code for row in former if row.share != "part"]
    assert len(mains) == len(set(mains)) == 263


def test_old_names_are_found():
    """An Khánh, a ward of Ninh Kiều until 2025, is now in Tân An."""
    names = {ward.code: ward.name for ward in load_wards()}
    rows = [row for row in load_former_wards() if row.former_name == "Phường An Khánh"]
    assert [(names[row.ward_code], row.former_district) for row in rows] == [("Tân An", "Quận Ninh Kiều")]


def test_wards_have_one_team():
    """Each ward has exactly one of the 28 teams, and no two teams share a name or an id."""
    teams = load_teams()
    assert len(teams) == len({team.team_id for team in teams}) == len({team.name for team in teams}) == 28
    covered = [code for team in teams for code in team.ward_codes]
    assert sorted(covered) == [ward.code for ward in load_wards()]


def test_areas_of_teams_are_connected():
    """Within a team, every ward is reached from any other in hops of less than 20 km between centres."""
    wards = {ward.code: ward for ward in load_wards()}
    for team in load_teams():
        reached = {team.ward_codes[0]}
        for _ in team.ward_codes:
            reached |= {
                there
                for there in team.ward_codes
                for here in reached
                if abs(complex(wards[here].lat - wards[there].lat, wards[here].lon - wards[there].lon)) * KM_A_DEGREE
                < 20
            }
        assert reached == set(team.ward_codes), team.name
