"""Tables `team` and `team_area`: which team works which wards."""

from collections.abc import Sequence

from gridcare.postgres.database import Connection
from repair_intake.teams.core import Team

_LOCK = "LOCK TABLE team_area IN SHARE ROW EXCLUSIVE MODE"
_SAVE = """
INSERT INTO team (team_id, name) SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT (team_id) DO UPDATE SET name = excluded.name
"""
_CLEAR_AREAS = "DELETE FROM team_area"
_SAVE_AREAS = "INSERT INTO team_area (ward_code, team_id) SELECT * FROM unnest($1::text[], $2::text[])"
_WORKING = "SELECT team_id FROM team_area WHERE ward_code = $1"


async def replace(tx: Connection, teams: Sequence[Team]) -> None:
    """Save the teams and make their areas the only ones. Imports wait for one another; readers do not wait."""
    await tx.execute(_LOCK)
    await tx.execute(_CLEAR_AREAS)
    await tx.execute(_SAVE, [team.team_id for team in teams], [team.name for team in teams])
    areas = [(ward_code, team.team_id) for team in teams for ward_code in team.ward_codes]
    await tx.execute(_SAVE_AREAS, [ward_code for ward_code, _ in areas], [team_id for _, team_id in areas])


async def working(tx: Connection, ward_code: str) -> str | None:
    """Return the id of the team that works a ward, or None."""
    team_id: str | None = await tx.fetchval(_WORKING, ward_code)
    return team_id
