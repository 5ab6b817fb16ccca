"""Import the teams with the wards that they work: the whole list at once, so that no ward has two teams."""

from collections.abc import Sequence

from gridcare.observability.logging import get_logger
from repair_intake.teams import store as team
from repair_intake.teams.core import Team, check_teams
from repair_intake.teams.room import Teams

logger = get_logger()


async def import_teams(teams: Sequence[Team], *, room: Teams) -> None:
    """Save the teams and make their areas the only ones. Tickets keep the team that they were routed to.

    Raises Unprocessable `team-twice` or `ward-with-two-teams`, and Retryable.
    """
    check_teams(teams)
    async with room.db.transaction() as tx:
        await team.replace(tx, teams)
    logger.info("teams_imported", count=len(teams))
