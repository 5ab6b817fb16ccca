"""supply-points.v1: whose contracts there are."""

from collections.abc import Sequence

from billing_gateway.flow.note_customers import note_customers
from billing_gateway.wiring import Services
from gridcare.errors import Rejected
from gridcare.events import Envelope
from gridcare.events.supply_points import SupplyPointChanged
from gridcare.events.topics import SUPPLY_POINTS
from gridcare.kafka.consume import Subscription

RECORDS_MAX = 500
"""A million supply points come at once on the first day; a transaction each would take hours."""


def subscription(services: Services) -> Subscription:
    """Give what becomes of the topic's records."""

    async def handle(envelopes: Sequence[Envelope]) -> None:
        await note_customers(services.db, {code for envelope in envelopes for code in _codes(envelope)})

    return Subscription((SUPPLY_POINTS,), handle, records_max=RECORDS_MAX)


def _codes(envelope: Envelope) -> tuple[str, ...]:
    """Give the customer code that a record names; a tombstone names none, and who moved out still gets a last bill."""
    event = envelope.data
    if event is None:
        return ()
    if not isinstance(event, SupplyPointChanged):
        raise Rejected("unexpected-event-type", envelope.type)
    return (event.customer_code,)
