"""Read bills and the attempts to pay them."""

from collections.abc import Collection
from uuid import UUID

from billing_gateway.bills.core import BillStanding
from billing_gateway.bills.store import bill
from billing_gateway.payments import store as payment
from billing_gateway.payments.core import Payment
from gridcare.errors import NotFound
from gridcare.postgres.database import Database


async def read_bill(db: Database, bill_id: UUID) -> BillStanding:
    """Find a bill, whoever's it is: the door decides who may see it. Raises NotFound `bill-not-found`."""
    async with db.read() as connection:
        found = await bill.find(connection, bill_id)
    if found is None:
        raise NotFound("bill-not-found", "there is no such thing")
    return found


async def list_bills(
    db: Database, customer_codes: Collection[str] | None, *, before: UUID | None, limit: int
) -> tuple[list[BillStanding], UUID | None]:
    """List the newest bills of these customers (None: of all) older than `before`; and where the next page goes on."""
    codes = None if customer_codes is None else sorted(customer_codes)
    async with db.read() as connection:
        found = await bill.page(connection, codes, before=before, limit=limit + 1)
    return found[:limit], found[limit - 1].bill.bill_id if len(found) > limit else None


async def read_payment(db: Database, payment_id: UUID) -> tuple[Payment, BillStanding]:
    """Find an attempt and the bill that it pays, whoever's it is. Raises NotFound `payment-not-found`."""
    async with db.read() as connection:
        found = await payment.find(connection, payment_id)
        standing = await bill.find(connection, found.bill_id) if found else None
    if found is None or standing is None:
        raise NotFound("payment-not-found", "there is no such thing")
    return found, standing
