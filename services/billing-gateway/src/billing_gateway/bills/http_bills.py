"""Bills: accountants register them, customers read and list their own, cashiers and accountants any customer's."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from pydantic import Field

from billing_gateway.bills.core import BillStanding, BillState, RegisterBill
from billing_gateway.bills.flow.read_bills import list_bills, read_bill
from billing_gateway.bills.flow.register_bill import register_bill
from billing_gateway.bills.room import Bills
from billing_gateway.bills.staff import MONEY_STAFF
from gridcare.http.auth import Caller, require
from gridcare.http.body import Body
from gridcare.http.documents.refusals import Refusal, refuses
from gridcare.http.guard import Router
from gridcare.http.idempotency import IdempotencyKey
from gridcare.http.pages import LIMIT_DEFAULT, Cursor, Limit, Page, decode_cursor, filter_by, page_of
from gridcare.http.rooms import room_of
from gridcare.postgres.idempotency import once
from gridcare.values.customer_code import CUSTOMER_CODE_PATTERN
from gridcare.values.money import AMOUNT_MAX_VND

router = Router(prefix="/v1/bills", tags=["bills"])

Room = Annotated[Bills, Depends(room_of(Bills))]
Biller = Annotated[Caller, Depends(require(any_customer=("accountant", "ops")))]
Reader = Annotated[Caller, Depends(require("customer", any_customer=MONEY_STAFF))]
CustomerCode = Annotated[str, Field(pattern=CUSTOMER_CODE_PATTERN)]


BILL_NOT_FOUND = Refusal(404, "bill-not-found", "There is no such bill, or it is another customer's.")
CUSTOMER_NOT_FOUND = Refusal(404, "customer-not-found", "The caller may not name this customer.")
BILL_NUMBER_TAKEN = Refusal(409, "bill-number-taken", "A bill with this number is already registered.")
UNKNOWN_CUSTOMER = Refusal(422, "unknown-customer", "No supply point carries this customer code.")
DUE_DATE_OUT_OF_RANGE = Refusal(422, "due-date-out-of-range", "The due date is more than a year away.")


class BillIn(Body):
    """A bill as the utility's billing made it."""

    bill_number: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z./-]{0,39}$", description="Unique for ever.")]
    customer_code: CustomerCode
    period: Annotated[str, Field(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", description="The month that it is for.")]
    amount_vnd: Annotated[int, Field(ge=1, le=AMOUNT_MAX_VND)]
    due_on: date


class BillOut(Body):
    """A bill and where it stands, as the ledger says."""

    bill_id: UUID
    bill_number: str
    customer_code: str
    period: str
    amount_vnd: int
    paid_vnd: Annotated[int, Field(description="All that came in for it, including what was too much.")]
    outstanding_vnd: Annotated[int, Field(description="What is still owed.")]
    credit_vnd: Annotated[int, Field(description="What was paid too much; it is the customer's credit.")]
    state: BillState
    due_on: date
    issued_at: datetime


@router.post("", name="register_bill", status_code=201)
@refuses(BILL_NUMBER_TAKEN, UNKNOWN_CUSTOMER, DUE_DATE_OUT_OF_RANGE)
async def post_bill(who: Biller, body: BillIn, key: IdempotencyKey, room: Room) -> BillOut:
    """Register a bill."""
    command = RegisterBill(
        bill_number=body.bill_number,
        customer_code=body.customer_code,
        period=body.period,
        amount_vnd=body.amount_vnd,
        due_on=body.due_on,
        issued_by=who.sub,
    )
    return _bill_out(await once(key, register_bill, command, room=room))


@router.get("/{bill_id}", name="read_bill")
@refuses(BILL_NOT_FOUND)
async def get_bill(who: Reader, bill_id: UUID, room: Room) -> BillOut:
    """Read a bill."""
    standing = await read_bill(bill_id, room=room)
    who.must_see(standing.bill.customer_code, "bill-not-found")
    return _bill_out(standing)


@router.get("", name="list_bills")
@refuses(CUSTOMER_NOT_FOUND)
async def get_bills(
    who: Reader,
    room: Room,
    *,
    customer_code: Annotated[str | None, Query(pattern=CUSTOMER_CODE_PATTERN)] = None,
    states: Annotated[list[BillState] | None, filter_by("state")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Page[BillOut]:
    """List bills, newest first: the caller's own, or everybody's for staff; only of `customer_code` where it is given."""
    codes = who.reach
    if customer_code is not None:
        who.must_see(customer_code, "customer-not-found")
        codes = frozenset({customer_code})
    before = decode_cursor(cursor, UUID)
    bills, following = await list_bills(codes, states=states or (), before=before, limit=limit, room=room)
    return page_of([_bill_out(each) for each in bills], following)


def _bill_out(standing: BillStanding) -> BillOut:
    return BillOut.of(
        standing.bill,
        paid_vnd=standing.paid_vnd,
        outstanding_vnd=standing.balance.receivable_vnd,
        credit_vnd=standing.balance.credit_vnd,
        state=standing.state,
    )
