"""Follow supply-points.v1: keep what the utility says of each supply point, newest version only."""

from collections.abc import Sequence
from itertools import groupby

from gridcare.known_supply_points.topic_supply_points import Gone
from gridcare.postgres.database import Database
from outage_notifier.known_supply_points import store as supply_point
from outage_notifier.known_supply_points.core import SupplyPoint


async def project_supply_points(db: Database, changes: Sequence[SupplyPoint | Gone]) -> None:
    """Apply changes in their order, all in one transaction. One that was applied before does nothing. Raises Retryable."""
    async with db.transaction() as tx:
        for _, run in groupby(changes, key=type):
            alike = list(run)
            await supply_point.project(tx, [each for each in alike if isinstance(each, SupplyPoint)])
            await supply_point.delete(tx, [each for each in alike if isinstance(each, Gone)])
