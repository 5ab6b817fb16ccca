"""Follow supply-points.v1: keep the newest version of each supply point."""

from collections.abc import Sequence
from itertools import groupby

from gridcare.events.supply_points import SupplyPointChanged
from gridcare.known_supply_points import store
from gridcare.known_supply_points.core import supply_point_of
from gridcare.postgres.database import Database

Deleted = str
"""The id of a supply point that a tombstone names."""


async def project_supply_points(changes: Sequence[SupplyPointChanged | Deleted], *, db: Database) -> None:
    """Apply changes in their order, all in one transaction. Idempotent. Raises Retryable."""
    async with db.transaction() as tx:
        for _, run in groupby(changes, key=type):
            alike = list(run)
            await store.project(tx, [supply_point_of(each) for each in alike if isinstance(each, SupplyPointChanged)])
            await store.delete(tx, [each for each in alike if isinstance(each, Deleted)])
