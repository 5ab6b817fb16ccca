"""outages.v1: cuts, so that a ticket which one of them explains is not dispatched."""

from collections.abc import Sequence

from gridcare.errors import Rejected
from gridcare.events import Envelope
from gridcare.events.outages import OutageEvent
from gridcare.events.topics import OUTAGES
from gridcare.kafka.consume import Subscription
from repair_intake.known_outages.flow.project_outages import Happened, project_outages
from repair_intake.wiring import Services

RECORDS_MAX = 20
"""A record may hold a scope of 2,000 supply points."""


def subscription(services: Services) -> Subscription:
    """Give what becomes of the topic's records."""

    async def handle(envelopes: Sequence[Envelope]) -> None:
        await project_outages(services.db, services.clock, [_happened(envelope) for envelope in envelopes])

    return Subscription((OUTAGES,), handle, records_max=RECORDS_MAX)


def _happened(envelope: Envelope) -> Happened:
    if not isinstance(envelope.data, OutageEvent):
        raise Rejected("unexpected-event-type", envelope.type)
    return Happened(envelope.data, envelope.time)
