"""Teams: ops imports them with the wards that they work."""

from typing import Annotated

from fastapi import Body as InBody
from fastapi import Depends
from pydantic import Field

from gridcare.http.auth import Caller, require
from gridcare.http.body import Body
from gridcare.http.documents.refusals import Refusal, refuses
from gridcare.http.guard import Router
from gridcare.http.rooms import room_of
from repair_intake.teams.core import Team
from repair_intake.teams.flow import import_teams
from repair_intake.teams.room import Teams

router = Router(prefix="/v1/teams", tags=["teams"])

Room = Annotated[Teams, Depends(room_of(Teams))]

TEAMS_MAX = 500
WARDS_OF_A_TEAM_MAX = 500

Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


TEAM_TWICE = Refusal(422, "team-twice", "A team is listed more than once.")
WARD_WITH_TWO_TEAMS = Refusal(422, "ward-with-two-teams", "A ward is listed under more than one team.")


class TeamIn(Body):
    """A local power-management team and its area."""

    team_id: Code
    name: Annotated[str, Field(min_length=1, max_length=200)]
    ward_codes: Annotated[list[Code], Field(max_length=WARDS_OF_A_TEAM_MAX)]


class TeamsOut(Body):
    """How many teams work how many wards from now on."""

    teams: int
    wards: int


@router.put("", name="import_teams")
@refuses(TEAM_TWICE, WARD_WITH_TWO_TEAMS)
async def put_teams(
    _: Annotated[Caller, Depends(require("ops"))],
    teams: Annotated[list[TeamIn], InBody(min_length=1, max_length=TEAMS_MAX)],
    room: Room,
) -> TeamsOut:
    """Import all teams. Wards that are not listed lose their team."""
    imported = [Team(team.team_id, team.name, tuple(team.ward_codes)) for team in teams]
    await import_teams(imported, room=room)
    return TeamsOut(teams=len(imported), wards=sum(len(team.ward_codes) for team in imported))
