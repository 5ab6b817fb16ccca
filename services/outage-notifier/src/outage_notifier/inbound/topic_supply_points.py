"""supply-points.v1: where electricity is delivered, and whose contract it serves."""

from collections.abc import Sequence

from gridcare.errors import Rejected
from gridcare.events import Envelope
from gridcare.events.supply_points import SupplyPointChanged
from gridcare.events.topics import SUPPLY_POINTS
from gridcare.kafka.consume import Subscription
from outage_notifier.core.supply_point import SupplyPoint
from outage_notifier.flow.project_supply_points import Gone, project_supply_points
from outage_notifier.wiring import Services

RECORDS_MAX = 500
"""A million supply points come at once on the first day; a transaction each would take hours."""


def subscription(services: Services) -> Subscription:
    """Give what becomes of the topic's records."""

    async def handle(envelopes: Sequence[Envelope]) -> None:
        await project_supply_points(services.db, [_change(envelope) for envelope in envelopes])

    return Subscription((SUPPLY_POINTS,), handle, records_max=RECORDS_MAX)


def _change(envelope: Envelope) -> SupplyPoint | Gone:
    event = envelope.data
    if event is None:
        return envelope.subject
    if not isinstance(event, SupplyPointChanged):
        raise Rejected("unexpected-event-type", envelope.type)
    return SupplyPoint(
        supply_point_id=event.supply_point_id,
        customer_code=event.customer_code,
        transformer_id=event.transformer_id,
        feeder_id=event.feeder_id,
        substation_id=event.substation_id,
        ward_code=event.ward_code,
        version=event.version,
    )
