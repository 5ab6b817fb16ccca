"""Read bills: one by its id, or the newest of some customers."""

from collections.abc import Collection, Sequence
from uuid import UUID

from billing_gateway.bills.core import BillStanding, BillState
from billing_gateway.bills.room import Bills
from billing_gateway.bills.store import bill
from gridcare.errors import NotFound
from gridcare.values.pages import cut_page


async def read_bill(bill_id: UUID, *, room: Bills) -> BillStanding:
    """Return a bill of any customer: the door decides who may see it. Raises NotFound `bill-not-found`."""
    async with room.db.read() as connection:
        standing = await bill.find(connection, bill_id)
    if standing is None:
        raise NotFound("bill-not-found", "there is no such thing")
    return standing


async def list_bills(
    customer_codes: Collection[str] | None,
    *,
    states: Collection[BillState],
    before: UUID | None,
    limit: int,
    room: Bills,
) -> tuple[Sequence[BillStanding], UUID | None]:
    """Return the newest bills of these customers (None: of all) older than `before`, and where the next page begins.

    Of all states where `states` names none.
    """
    codes = None if customer_codes is None else sorted(customer_codes)
    async with room.db.read() as connection:
        bills = await bill.page(connection, codes, states=states, before=before, limit=limit + 1)
    return cut_page(bills, limit, lambda standing: standing.bill.bill_id)
