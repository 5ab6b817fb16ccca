"""A supply point, as the utility's system describes it."""

from dataclasses import dataclass
from datetime import datetime

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


@dataclass(frozen=True, slots=True)
class Change:
    """What the utility's system said of a supply point, and when it said so.

    `removed`: it is gone, and the supply point is empty but for its id and the version of the tombstone, 0 where that has
    none.
    """

    supply_point: SupplyPoint
    removed: bool
    at: datetime


def described(event: SupplyPointChanged, at: datetime) -> Change:
    """Return the change that an event says."""
    return Change(supply_point_of(event), removed=False, at=at)


def removed(supply_point_id: str, version: int, at: datetime) -> Change:
    """Return the change that a tombstone says. Nothing is kept of the place and of its customer."""
    return Change(SupplyPoint(supply_point_id, "", "", "", "", "", version), removed=True, at=at)
