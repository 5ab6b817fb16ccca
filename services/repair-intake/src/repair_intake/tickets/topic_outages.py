"""outages.v1: cuts, so that no team is sent out for a ticket that one of them explains."""

from collections.abc import Sequence

from gridcare.events import Envelope, data_as
from gridcare.events.outages import OutageEvent
from gridcare.events.topics import OUTAGES
from gridcare.kafka.consume import Subscription
from repair_intake.tickets.flow.follow_outages import OutageHappened, follow_outages
from repair_intake.tickets.room import Tickets

RECORDS_MAX = 20
"""Few at once: a record may hold a scope of 2,000 supply points."""


def subscription(room: Tickets) -> Subscription:
    """Return the topic's subscription."""

    async def handle(envelopes: Sequence[Envelope]) -> None:
        await follow_outages([_happened(envelope) for envelope in envelopes], room=room)

    return Subscription((OUTAGES,), handle, records_max=RECORDS_MAX)


def _happened(envelope: Envelope) -> OutageHappened:
    return OutageHappened(data_as(envelope, OutageEvent), envelope.time)
