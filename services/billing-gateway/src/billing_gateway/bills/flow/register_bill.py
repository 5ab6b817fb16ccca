"""Register a bill: what a customer owes for a period enters the ledger and is published."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from billing_gateway.bills.core import Balance, Bill, BillStanding, checked_due_date, issued
from billing_gateway.bills.store import bill, customer
from billing_gateway.ledger import store as ledger
from billing_gateway.ledger.core import bill_issued
from billing_gateway.payments.room import SOURCE
from gridcare.errors import Conflict, Unprocessable
from gridcare.observability.logging import get_logger
from gridcare.postgres import idempotency, outbox
from gridcare.postgres.database import Database
from gridcare.postgres.idempotency import Answer, IdempotentRequest
from gridcare.values.clock import VIETNAM, Clock
from gridcare.values.ids import uuid7

logger = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBill:
    """A bill as the utility's billing made it."""

    bill_number: str
    customer_code: str
    period: str
    amount_vnd: int
    due_on: date
    issued_by: str


async def register_bill(
    db: Database,
    clock: Clock,
    asked: NewBill,
    request: IdempotentRequest,
    *,
    answer: Callable[[BillStanding], Answer],
) -> Answer:
    """Register a bill, once for each Idempotency-Key; `answer` writes what the caller gets, and gets again for a repeat.

    Raises Unprocessable `unknown-customer` or `due-date-out-of-range`, Conflict `bill-number-taken`, what
    `idempotency.begin` raises, and Retryable.
    """
    now = clock.now()
    async with db.transaction() as tx:
        earlier = await idempotency.begin(tx, request, now)
        if earlier is not None:
            return earlier
        if not await customer.is_known(tx, asked.customer_code):
            raise Unprocessable("unknown-customer", "no supply point carries this customer code")
        registered = Bill(
            bill_id=uuid7(now),
            bill_number=asked.bill_number,
            customer_code=asked.customer_code,
            period=asked.period,
            amount_vnd=asked.amount_vnd,
            due_on=checked_due_date(asked.due_on, today=now.astimezone(VIETNAM).date()),
            issued_at=now,
            issued_by=asked.issued_by,
        )
        if not await bill.add(tx, registered):
            raise Conflict("bill-number-taken", "a bill with this number is registered")
        await ledger.add(tx, bill_issued(registered, transaction_id=uuid7(now)))
        await outbox.append(tx, [issued(registered)], source=SOURCE, now=now)
        done = answer(BillStanding(registered, Balance(registered.amount_vnd, 0)))
        await idempotency.store(tx, request, done, now)
    logger.info("bill_registered", bill_id=registered.bill_id)
    return done
