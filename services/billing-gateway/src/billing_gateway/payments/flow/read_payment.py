"""Read a payment, and the bill that it pays."""

from uuid import UUID

from billing_gateway.bills.core import BillStanding
from billing_gateway.bills.store import bill
from billing_gateway.payments import store as payment
from billing_gateway.payments.core import Payment
from billing_gateway.payments.room import Payments
from gridcare.errors import NotFound


async def read_payment(payment_id: UUID, *, room: Payments) -> tuple[Payment, BillStanding]:
    """Return a payment of any customer and its bill: the door decides who may see them.

    Raises NotFound `payment-not-found`.
    """
    async with room.db.read() as connection:
        known = await payment.find(connection, payment_id)
        standing = await bill.find(connection, known.bill_id) if known else None
    if known is None or standing is None:
        raise NotFound("payment-not-found", "there is no such thing")
    return known, standing
