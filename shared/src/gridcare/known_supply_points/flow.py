"""Follow supply-points.v1: keep the newest version of each supply point."""

from collections.abc import Sequence

from gridcare.known_supply_points import store
from gridcare.known_supply_points.core import Change
from gridcare.postgres.database import Database


async def project_supply_points(changes: Sequence[Change], *, db: Database) -> None:
    """Apply changes in their order, all in one transaction. Idempotent. Raises Retryable."""
    async with db.transaction() as tx:
        await store.project(tx, changes)
