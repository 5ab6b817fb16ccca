"""Begin a payment: a fresh attempt for a bill, and the signed address that the payer is sent to."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from billing_gateway.bills.core import Bill
from billing_gateway.bills.store import bill
from billing_gateway.payments import store as payment
from billing_gateway.payments.core import Locale, Payment, begin
from billing_gateway.payments.room import PaymentDesk
from billing_gateway.providers.provider import PayOrder
from gridcare.errors import NotFound
from gridcare.events.payments import Provider
from gridcare.observability.logging import get_logger
from gridcare.postgres import idempotency
from gridcare.postgres.idempotency import Answer, IdempotentRequest
from gridcare.values.ids import uuid7

logger = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPayment:
    """What the payer asked for; `may_pay_for` says whether they may name the bill's customer code."""

    bill_id: UUID
    provider: Provider
    amount_vnd: int | None
    """None: all that is owed."""
    locale: Locale
    client_ip: str
    may_pay_for: Callable[[str], bool]


async def begin_payment(
    desk: PaymentDesk,
    asked: NewPayment,
    request: IdempotentRequest,
    *,
    answer: Callable[[Payment, str], Answer],
) -> Answer:
    """Begin one attempt, once for each Idempotency-Key. The provider is not called: its address is signed here.

    Raises NotFound `bill-not-found` (another customer's is not found either), what `core.payment.begin` and
    `idempotency.begin` raise, and Retryable.
    """
    now = desk.clock.now()
    provider = desk.providers[asked.provider]
    async with desk.db.transaction() as tx:
        earlier = await idempotency.begin(tx, request, now)
        if earlier is not None:
            return earlier
        standing = await bill.find(tx, asked.bill_id)
        if standing is None or not asked.may_pay_for(standing.bill.customer_code):
            raise NotFound("bill-not-found", "there is no such thing")
        begun = begin(
            standing,
            payment_id=uuid7(now),
            provider=asked.provider,
            amount_vnd=asked.amount_vnd,
            limits=desk.limits,
            now=now,
        )
        await payment.add(tx, begun)
        done = answer(begun, provider.pay_address(_order(begun, standing.bill, asked)))
        await idempotency.store(tx, request, done, now)
    logger.info("payment_begun", payment_id=begun.payment_id, bill_id=begun.bill_id, provider=begun.provider)
    return done


def _order(begun: Payment, owed: Bill, asked: NewPayment) -> PayOrder:
    return PayOrder(
        order_reference=begun.order_reference,
        amount_vnd=begun.amount_vnd,
        customer_code=owed.customer_code,
        period=owed.period,
        locale=asked.locale,
        client_ip=asked.client_ip,
        created_at=begun.begun_at,
        expires_at=begun.expires_at,
    )
