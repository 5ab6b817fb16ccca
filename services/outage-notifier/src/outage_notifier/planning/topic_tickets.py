"""tickets.v1: what happens to requests for work, so that their customers are told."""

from collections.abc import Sequence

from gridcare.events import Envelope, data_as
from gridcare.events.tickets import TicketEvent
from gridcare.events.topics import TICKETS
from gridcare.kafka.consume import Subscription
from outage_notifier.planning.flow.notify_customer import TicketHappened, notify_ticket
from outage_notifier.planning.room import Planning

RECORDS_MAX = 100
"""A storm brings tickets by the thousand; a hundred take about 50 ms."""


def subscription(room: Planning) -> Subscription:
    """Return the topic's subscription."""

    async def handle(envelopes: Sequence[Envelope]) -> None:
        await notify_ticket([_happened(envelope) for envelope in envelopes], room=room)

    return Subscription((TICKETS,), handle, records_max=RECORDS_MAX)


def _happened(envelope: Envelope) -> TicketHappened:
    return TicketHappened(envelope.id, envelope.time, data_as(envelope, TicketEvent))
