"""Follow supply-points.v1: note which customer codes exist, so that a bill for nobody is refused."""

from collections.abc import Iterable

from billing_gateway.bills.room import Bills
from billing_gateway.bills.store import customer


async def note_customers(customer_codes: Iterable[str], *, room: Bills) -> None:
    """Note codes that supply points carry. Codes are only added, so repeats, late records and any order end the same."""
    async with room.db.transaction() as tx:
        await customer.add(tx, customer_codes)
