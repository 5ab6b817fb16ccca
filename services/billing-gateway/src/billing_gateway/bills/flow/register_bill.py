"""Register a bill: what a customer owes for a period enters the ledger and is published."""

from billing_gateway import NAME
from billing_gateway.bills.core import BillStanding, RegisterBill, issued, register
from billing_gateway.bills.room import Bills
from billing_gateway.bills.store import bill, customer
from billing_gateway.ledger import store as ledger
from billing_gateway.ledger.core import Balance, bill_issued
from gridcare.errors import Conflict, Unprocessable
from gridcare.observability.logging import get_logger
from gridcare.postgres import outbox
from gridcare.values.ids import uuid7

logger = get_logger()


async def register_bill(command: RegisterBill, *, room: Bills) -> BillStanding:
    """Register a bill, book it and publish it.

    Raises Unprocessable `unknown-customer` or `due-date-out-of-range`, Conflict `bill-number-taken`, and Retryable.
    """
    now = room.clock.now()
    async with room.db.transaction() as tx:
        if not await customer.is_known(tx, command.customer_code):
            raise Unprocessable("unknown-customer", "no supply point carries this customer code")
        registered = register(command, bill_id=uuid7(now), now=now)
        if not await bill.add(tx, registered):
            raise Conflict("bill-number-taken", "a bill with this number is already registered")
        await ledger.add(tx, bill_issued(registered, transaction_id=uuid7(now)))
        await outbox.append(tx, [issued(registered)], source=NAME, now=now)
    room.db.on_commit(lambda: logger.info("bill_registered", bill_id=registered.bill_id))
    return BillStanding(registered, Balance(receivable_vnd=registered.amount_vnd, credit_vnd=0))
