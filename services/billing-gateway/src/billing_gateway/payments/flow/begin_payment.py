"""Begin a payment: a new one for a bill, and the signed address that the payer is sent to."""

from billing_gateway.bills.core import Bill
from billing_gateway.bills.store import bill
from billing_gateway.payments import store as payment
from billing_gateway.payments.core import BeginPayment, BegunPayment, Payment, begin
from billing_gateway.payments.room import Payments
from billing_gateway.providers.core import PayOrder
from gridcare.errors import NotFound
from gridcare.observability.logging import get_logger
from gridcare.values.ids import uuid7

logger = get_logger()


async def begin_payment(command: BeginPayment, *, room: Payments) -> BegunPayment:
    """Begin one payment. The provider is not called: its address is signed here.

    Raises NotFound `bill-not-found` (for another customer's too), what `begin` raises, and Retryable.
    """
    now = room.clock.now()
    async with room.db.transaction() as tx:
        standing = await bill.find(tx, command.bill_id)
        if standing is None or not command.may_pay_for(standing.bill.customer_code):
            raise NotFound("bill-not-found", "there is no such thing")
        begun = begin(command, standing, payment_id=uuid7(now), limits=room.limits, now=now)
        await payment.add(tx, begun)
    room.db.on_commit(
        lambda: logger.info(
            "payment_begun", payment_id=begun.payment_id, bill_id=begun.bill_id, provider=begun.provider
        )
    )
    address = room.providers[begun.provider].pay_address(_order(begun, standing.bill, command))
    return BegunPayment(begun, address, standing.bill.customer_code)


def _order(begun: Payment, owed: Bill, command: BeginPayment) -> PayOrder:
    return PayOrder(
        order_reference=begun.order_reference,
        amount_vnd=begun.amount_vnd,
        customer_code=owed.customer_code,
        period=owed.period,
        locale=command.locale,
        client_ip=command.client_ip,
        created_at=begun.begun_at,
        expires_at=begun.expires_at,
    )
