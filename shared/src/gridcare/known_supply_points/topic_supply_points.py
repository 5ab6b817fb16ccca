"""supply-points.v1 as every service reads it: what its door hands on, many records at once."""

from collections.abc import Awaitable, Callable, Sequence

from gridcare.errors import Rejected
from gridcare.events import Envelope
from gridcare.events.supply_points import SupplyPointChanged
from gridcare.events.topics import SUPPLY_POINTS
from gridcare.kafka.consume import Subscription

Gone = str
"""The id of a supply point that a tombstone names."""

RECORDS_MAX = 500
"""A million supply points come at once on the first day; a transaction each would take hours."""


def supply_points(apply: Callable[[Sequence[SupplyPointChanged | Gone]], Awaitable[None]]) -> Subscription:
    """Give what becomes of the topic's records: `apply` gets them in order and applies them in one transaction."""

    async def handle(envelopes: Sequence[Envelope]) -> None:
        await apply([_change(envelope) for envelope in envelopes])

    return Subscription((SUPPLY_POINTS,), handle, records_max=RECORDS_MAX)


def _change(envelope: Envelope) -> SupplyPointChanged | Gone:
    event = envelope.data
    if event is None:
        return envelope.subject
    if not isinstance(event, SupplyPointChanged):
        raise Rejected("unexpected-event-type", envelope.type)
    return event
