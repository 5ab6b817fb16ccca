"""Payments: a customer begins one for a bill, is sent to the provider, and reads what became of it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from billing_gateway.bills.flow.read_bills import read_payment
from billing_gateway.dependencies import MONEY_STAFF, Wired, must_see, sees_all
from billing_gateway.payments.core import Locale, Payment, PaymentState
from billing_gateway.payments.flow.begin_payment import NewPayment, begin_payment
from gridcare.events.payments import Provider
from gridcare.http.auth import Caller, require
from gridcare.http.body import Body
from gridcare.http.idempotency import idempotent, respond
from gridcare.postgres.idempotency import Answer, IdempotentRequest
from gridcare.values.money import AMOUNT_MAX_VND

router = APIRouter(prefix="/v1", tags=["payments"])

Payer = Annotated[Caller, Depends(require("customer", "cashier"))]
Reader = Annotated[Caller, Depends(require("customer", *MONEY_STAFF))]

NO_ADDRESS = "127.0.0.1"
"""VNPay demands an address of the payer; a server that knows none (a socket of this machine) says its own."""


class PaymentIn(Body):
    """How the payer wants to pay."""

    amount_vnd: Annotated[int | None, Field(ge=1, le=AMOUNT_MAX_VND, description="Missing: all that is owed.")] = None
    locale: Annotated[Locale, Field(description="The language of the provider's page.")] = "vn"


class PaymentBegunOut(Body):
    """Where to send the payer, until when."""

    payment_id: UUID
    order_reference: str
    pay_url: str
    expires_at: datetime


class PaymentOut(Body):
    """An attempt to pay. `begun` and `expired` may still succeed: a provider's word can be late."""

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


@router.post("/bills/{bill_id}/payments", status_code=201, response_model=PaymentBegunOut)
async def post_payment(
    who: Payer,
    bill_id: UUID,
    *,
    asked: PaymentIn,
    once: Annotated[IdempotentRequest, Depends(idempotent)],
    request: Request,
    services: Wired,
) -> Response:
    """Begin a payment: the answer holds the signed address of the provider's page."""
    new = NewPayment(
        bill_id=bill_id,
        provider="vnpay",
        amount_vnd=asked.amount_vnd,
        locale=asked.locale,
        client_ip=request.client.host if request.client else NO_ADDRESS,
        may_pay_for=lambda customer_code: sees_all(who) or who.owns(customer_code),
    )
    return respond(await begin_payment(services.desk, new, once, answer=_begun))


@router.get("/payments/{payment_id}")
async def get_payment(who: Reader, payment_id: UUID, services: Wired) -> PaymentOut:
    """Read what became of a payment."""
    payment, standing = await read_payment(services.db, payment_id)
    must_see(who, standing.bill.customer_code, "payment-not-found")
    return PaymentOut(
        payment_id=payment.payment_id,
        bill_id=payment.bill_id,
        provider=payment.provider,
        order_reference=payment.order_reference,
        amount_vnd=payment.amount_vnd,
        state=payment.state,
        reason=payment.reason,
        begun_at=payment.begun_at,
        expires_at=payment.expires_at,
        settled_at=payment.settled_at,
        bill_outstanding_vnd=standing.balance.receivable_vnd,
    )


def _begun(payment: Payment, pay_url: str) -> Answer:
    out = PaymentBegunOut(
        payment_id=payment.payment_id,
        order_reference=payment.order_reference,
        pay_url=pay_url,
        expires_at=payment.expires_at,
    )
    return Answer(201, out.model_dump_json().encode())
