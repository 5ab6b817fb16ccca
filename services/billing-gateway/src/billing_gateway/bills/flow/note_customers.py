"""Follow supply-points.v1: note which customer codes exist, so that a bill for nobody is refused."""

from collections.abc import Iterable

from billing_gateway.bills.store import customer
from gridcare.postgres.database import Database


async def note_customers(db: Database, customer_codes: Iterable[str]) -> None:
    """Note codes that supply points carry. They are only added, so again, late or in another order is the same."""
    async with db.transaction() as tx:
        await customer.add(tx, customer_codes)
