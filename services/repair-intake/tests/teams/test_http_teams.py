"""The import of teams through the API."""

import pytest

TEAMS = [
    {"team_id": "PB1101", "name": "Đội Quản lý điện Ninh Kiều", "ward_codes": ["31117", "31120"]},
    {"team_id": "PB1102", "name": "Đội Quản lý điện Bình Thủy", "ward_codes": ["31168"]},
]


async def _areas(db) -> dict[str, str]:
    async with db.read() as connection:
        rows = await connection.fetch("SELECT ward_code, team_id FROM team_area")
    return {row["ward_code"]: row["team_id"] for row in rows}


async def _put(api, teams, roles=("ops",)):
    return await api.call("PUT", "/v1/teams", roles=roles, codes=[], json=teams)


async def test_ops_imports_teams(api, db):
    """Ops imports teams with their wards; importing them again changes nothing."""
    for _ in range(2):
        answer = await _put(api, TEAMS)
        assert (answer.status_code, answer.json()) == (200, {"teams": 2, "wards": 3})
    assert await _areas(db) == {"31117": "PB1101", "31120": "PB1101", "31168": "PB1102"}


async def test_an_import_replaces(api, db, happens, supply_point):
    """A new import replaces all areas; a team that is missing from it stays, for the tickets that name it."""
    await _put(api, TEAMS)
    await happens(supply_point())
    ticket = (await api.open()).json()
    await _put(api, [{"team_id": "PB1102", "name": "mới", "ward_codes": ["31117"]}])
    assert await _areas(db) == {"31117": "PB1102"}
    assert (await api.call("GET", f"/v1/tickets/{ticket['ticket_id']}")).json()["team_id"] == "PB1101"
    assert (await api.open()).json()["team_id"] == "PB1102"


@pytest.mark.parametrize("role", ["customer", "planner", "dispatcher", "team"])
async def test_others_may_not_import(api, db, role):
    """Only ops imports teams."""
    answer = await _put(api, TEAMS, roles=[role])
    assert (answer.status_code, answer.json()["code"]) == (403, "role-missing")
    assert await _areas(db) == {}


@pytest.mark.parametrize(
    "teams",
    [
        [],
        {"teams": TEAMS},
        [{**TEAMS[0], "phone": "0912345678"}],
        [{**TEAMS[0], "name": ""}],
        [{**TEAMS[0], "ward_codes": [31117]}],
        [{**TEAMS[0], "team_id": "a b"}],
        [TEAMS[0], TEAMS[0]],
        [TEAMS[0], {**TEAMS[1], "ward_codes": ["31117"]}],
        [{**TEAMS[0], "team_id": str(number), "ward_codes": []} for number in range(501)],
    ],
)
async def test_bad_lists_are_refused(api, db, teams):
    """A list that is empty, malformed, too long or contradictory is refused as a whole."""
    await _put(api, TEAMS)
    before = await _areas(db)
    assert (await _put(api, teams)).status_code == 422
    assert await _areas(db) == before
