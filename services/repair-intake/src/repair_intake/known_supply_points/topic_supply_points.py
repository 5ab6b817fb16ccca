"""supply-points.v1: where electricity is delivered, and whose contract it serves."""

from collections.abc import Sequence

from gridcare.events.supply_points import SupplyPointChanged
from gridcare.kafka.consume import Subscription
from gridcare.known_supply_points.topic_supply_points import Gone, supply_points
from repair_intake.known_supply_points.core import SupplyPoint
from repair_intake.known_supply_points.flow import project_supply_points
from repair_intake.wiring import Services


def subscription(services: Services) -> Subscription:
    """Give what becomes of the topic's records."""

    async def apply(changes: Sequence[SupplyPointChanged | Gone]) -> None:
        known = [each if isinstance(each, Gone) else _supply_point(each) for each in changes]
        await project_supply_points(services.db, known)

    return supply_points(apply)


def _supply_point(event: SupplyPointChanged) -> SupplyPoint:
    return SupplyPoint(
        supply_point_id=event.supply_point_id,
        customer_code=event.customer_code,
        transformer_id=event.transformer_id,
        feeder_id=event.feeder_id,
        ward_code=event.ward_code,
        version=event.version,
    )
