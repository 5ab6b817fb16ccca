"""A supply point, as the utility's system describes it."""

from dataclasses import dataclass

from gridcare.events.supply_points import SupplyPointChanged


@dataclass(frozen=True, slots=True)
class SupplyPoint:
    """Where electricity is delivered, which grid elements feed it, and which customer it serves."""

    supply_point_id: str
    customer_code: str
    transformer_id: str
    feeder_id: str
    substation_id: str
    ward_code: str
    version: int


def supply_point_of(event: SupplyPointChanged) -> SupplyPoint:
    """Return the supply point that an event describes."""
    return SupplyPoint(
        supply_point_id=event.supply_point_id,
        customer_code=event.customer_code,
        transformer_id=event.transformer_id,
        feeder_id=event.feeder_id,
        substation_id=event.substation_id,
        ward_code=event.ward_code,
        version=event.version,
    )
