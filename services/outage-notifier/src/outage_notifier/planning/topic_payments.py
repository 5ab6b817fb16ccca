"""payments.v1: payments that came in, so that their customers get receipts. Events about bills have no message yet."""

from collections.abc import Sequence

from gridcare.events import Envelope, data_as
from gridcare.events.payments import CustomerMoneyEvent, PaymentRecorded
from gridcare.events.topics import PAYMENTS
from gridcare.kafka.consume import Subscription
from outage_notifier.planning.flow.notify_customer import Paid, notify_payment
from outage_notifier.planning.room import Planning

RECORDS_MAX = 100
"""On the day that bills are due, payments come by the thousand; a hundred take about 50 ms."""


def subscription(room: Planning) -> Subscription:
    """Return the topic's subscription."""

    async def handle(envelopes: Sequence[Envelope]) -> None:
        paid = [each for envelope in envelopes if (each := _paid(envelope)) is not None]
        await notify_payment(paid, room=room)

    return Subscription((PAYMENTS,), handle, records_max=RECORDS_MAX)


def _paid(envelope: Envelope) -> Paid | None:
    event = data_as(envelope, CustomerMoneyEvent)
    return Paid(envelope.id, envelope.time, event) if isinstance(event, PaymentRecorded) else None
