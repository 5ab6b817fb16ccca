"""Bills: billing registers them, their customer reads and lists their own; cashiers and accountants any."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from billing_gateway.bills.core import BillStanding, BillState
from billing_gateway.bills.flow.read_bills import list_bills, read_bill
from billing_gateway.bills.flow.register_bill import NewBill, register_bill
from billing_gateway.dependencies import MONEY_STAFF, Wired, must_see, sees_all
from gridcare.http.auth import Caller, require
from gridcare.http.body import Body
from gridcare.http.idempotency import idempotent, respond
from gridcare.http.pages import LIMIT_DEFAULT, Cursor, Limit, Page, decode_cursor, encode_cursor
from gridcare.postgres.idempotency import Answer, IdempotentRequest
from gridcare.values.customer_code import CUSTOMER_CODE_PATTERN
from gridcare.values.money import AMOUNT_MAX_VND

router = APIRouter(prefix="/v1/bills", tags=["bills"])

Biller = Annotated[Caller, Depends(require("accountant", "ops"))]
Reader = Annotated[Caller, Depends(require("customer", *MONEY_STAFF))]
CustomerCode = Annotated[str, Field(pattern=CUSTOMER_CODE_PATTERN)]


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
    paid_vnd: Annotated[int, Field(description="All that came in for it, what was too much included.")]
    outstanding_vnd: Annotated[int, Field(description="What is still owed.")]
    credit_vnd: Annotated[int, Field(description="What was paid too much; it is the customer's credit.")]
    state: BillState
    due_on: date
    issued_at: datetime


@router.post("", status_code=201, response_model=BillOut)
async def post_bill(
    who: Biller, asked: BillIn, once: Annotated[IdempotentRequest, Depends(idempotent)], services: Wired
) -> Response:
    """Register a bill."""
    new = NewBill(
        bill_number=asked.bill_number,
        customer_code=asked.customer_code,
        period=asked.period,
        amount_vnd=asked.amount_vnd,
        due_on=asked.due_on,
        issued_by=who.sub,
    )
    return respond(await register_bill(services.db, services.clock, new, once, answer=_registered))


@router.get("/{bill_id}")
async def get_bill(who: Reader, bill_id: UUID, services: Wired) -> BillOut:
    """Read a bill."""
    found = await read_bill(services.db, bill_id)
    must_see(who, found.bill.customer_code, "bill-not-found")
    return _out(found)


@router.get("")
async def get_bills(
    who: Reader,
    services: Wired,
    customer_code: Annotated[str | None, Query(pattern=CUSTOMER_CODE_PATTERN)] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Page[BillOut]:
    """List bills, newest first: the caller's own, or any for who may see any; of one customer code where it is named."""
    codes = None if sees_all(who) else who.customer_codes
    if customer_code is not None:
        must_see(who, customer_code, "customer-not-found")
        codes = frozenset({customer_code})
    found, following = await list_bills(services.db, codes, before=decode_cursor(cursor, UUID), limit=limit)
    return Page(items=[_out(each) for each in found], next=encode_cursor(following) if following else None)


def _registered(standing: BillStanding) -> Answer:
    return Answer(201, _out(standing).model_dump_json().encode())


def _out(standing: BillStanding) -> BillOut:
    bill = standing.bill
    return BillOut(
        bill_id=bill.bill_id,
        bill_number=bill.bill_number,
        customer_code=bill.customer_code,
        period=bill.period,
        amount_vnd=bill.amount_vnd,
        paid_vnd=standing.paid_vnd,
        outstanding_vnd=standing.balance.receivable_vnd,
        credit_vnd=standing.balance.credit_vnd,
        state=standing.state,
        due_on=bill.due_on,
        issued_at=bill.issued_at,
    )
