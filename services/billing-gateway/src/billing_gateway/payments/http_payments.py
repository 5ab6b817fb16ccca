"""Payments: a customer begins one for a bill, is sent to the provider, and reads what became of it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from pydantic import Field

from billing_gateway.bills.staff import MONEY_STAFF
from billing_gateway.payments.core import BeginPayment, PaymentState
from billing_gateway.payments.flow.begin_payment import begin_payment
from billing_gateway.payments.flow.read_payment import read_payment
from billing_gateway.payments.room import Payments
from billing_gateway.providers.core import Locale
from gridcare.events.payments import Provider
from gridcare.http.auth import Caller, require
from gridcare.http.body import Body
from gridcare.http.documents.refusals import Refusal, refuses
from gridcare.http.edge.address import client_address
from gridcare.http.guard import Router
from gridcare.http.idempotency import IdempotencyKey
from gridcare.http.rooms import room_of
from gridcare.http.routes import limited
from gridcare.postgres.idempotency import once
from gridcare.values.money import AMOUNT_MAX_VND

router = Router(prefix="/v1", tags=["payments"])

Room = Annotated[Payments, Depends(room_of(Payments))]
Payer = Annotated[Caller, Depends(require("customer", any_customer=("cashier",)))]
Reader = Annotated[Caller, Depends(require("customer", any_customer=MONEY_STAFF))]


BILL_NOT_FOUND = Refusal(404, "bill-not-found", "There is no such bill, or it is another customer's.")
PAYMENT_NOT_FOUND = Refusal(404, "payment-not-found", "There is no such payment, or it is another customer's.")
BILL_ALREADY_PAID = Refusal(409, "bill-already-paid", "Nothing is owed for this bill.")
AMOUNT_EXCEEDS_OUTSTANDING = Refusal(
    422, "amount-exceeds-outstanding", "The amount is more than what is owed, `outstanding_vnd`."
)
AMOUNT_NOT_PAYABLE_ONLINE = Refusal(
    422, "amount-not-payable-online", "The amount is less or more than the provider takes in one payment."
)


class PaymentIn(Body):
    """How the payer wants to pay."""

    amount_vnd: Annotated[int | None, Field(ge=1, le=AMOUNT_MAX_VND, description="Missing: all that is owed.")] = None
    locale: Annotated[Locale, Field(description="The language of the provider's page.")] = "vn"


class PaymentBegunOut(Body):
    """Where to send the payer, and until when."""

    payment_id: UUID
    order_reference: str
    pay_url: str
    expires_at: datetime


class PaymentOut(Body):
    """A payment. One that is `begun` or `expired` may still succeed: a provider's callback may come late."""

    payment_id: UUID
    bill_id: UUID
    provider: Provider
    order_reference: str
    amount_vnd: int
    state: PaymentState
    reason: Annotated[str | None, Field(description="Why it failed or is held for a person to look at.")]
    begun_at: datetime
    expires_at: datetime
    settled_at: datetime | None
    bill_outstanding_vnd: Annotated[int, Field(description="What is still owed for the bill now.")]


@router.post("/bills/{bill_id}/payments", name="begin_payment", status_code=201)
@limited("payments")
@refuses(BILL_NOT_FOUND, BILL_ALREADY_PAID, AMOUNT_EXCEEDS_OUTSTANDING, AMOUNT_NOT_PAYABLE_ONLINE)
async def post_payment(
    who: Payer, bill_id: UUID, *, body: PaymentIn, key: IdempotencyKey, request: Request, room: Room
) -> PaymentBegunOut:
    """Begin a payment: the answer holds the signed address of the provider's page."""
    command = BeginPayment(
        bill_id=bill_id,
        provider="vnpay",
        amount_vnd=body.amount_vnd,
        locale=body.locale,
        client_ip=client_address(request),
        customer_codes=who.reach,
    )
    begun = await once(key, begin_payment, command, room=room)
    who.must_see(begun.customer_code, "bill-not-found")  # a kept answer outlives the right to see it
    return PaymentBegunOut.of(begun.payment, pay_url=begun.pay_address)


@router.get("/payments/{payment_id}", name="read_payment")
@refuses(PAYMENT_NOT_FOUND)
async def get_payment(who: Reader, payment_id: UUID, room: Room) -> PaymentOut:
    """Read what became of a payment."""
    payment, standing = await read_payment(payment_id, room=room)
    who.must_see(standing.bill.customer_code, "payment-not-found")
    return PaymentOut.of(payment, bill_outstanding_vnd=standing.balance.receivable_vnd)
