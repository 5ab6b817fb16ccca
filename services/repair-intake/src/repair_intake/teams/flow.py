"""Import the teams with the wards they work: the whole list at once, so that no ward is left over or has two."""

from collections.abc import Sequence

from gridcare.observability.logging import get_logger
from gridcare.postgres.database import Database
from repair_intake.teams import store as team
from repair_intake.teams.core import Team, check_teams

logger = get_logger()


async def import_teams(db: Database, teams: Sequence[Team]) -> None:
    """Save the teams and make their areas the only ones; tickets that were routed before stay where they are.

    Raises Unprocessable `team-twice`, `ward-with-two-teams`.
    """
    check_teams(teams)
    async with db.transaction() as tx:
        await team.replace(tx, teams)
    logger.info("teams_imported", count=len(teams))
