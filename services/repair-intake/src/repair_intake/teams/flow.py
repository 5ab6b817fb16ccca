"""Import the teams with the wards that they work, and route tickets to them."""

from collections.abc import Sequence

from gridcare.known_supply_points.core import SupplyPoint
from gridcare.observability.logging import get_logger
from gridcare.postgres.database import Connection
from repair_intake.teams import store as team
from repair_intake.teams.core import Team, check_teams
from repair_intake.teams.room import Teams

logger = get_logger()


async def import_teams(teams: Sequence[Team], *, room: Teams) -> None:
    """Save the teams and make their areas the only ones: the whole list at once, so that no ward has two teams.

    Tickets keep the team that they were routed to.

    Raises Unprocessable `team-twice` or `ward-with-two-teams`, and Retryable.
    """
    check_teams(teams)
    async with room.db.transaction() as tx:
        await team.replace(tx, teams)
    logger.info("teams_imported", count=len(teams))


async def route_ticket(tx: Connection, point: SupplyPoint) -> str | None:
    """Return the id of the team that a ticket of a supply point goes to: the one that works its ward, or None if no team does.

    None leaves the choice to a dispatcher.
    """
    return await team.working(tx, point.ward_code)
