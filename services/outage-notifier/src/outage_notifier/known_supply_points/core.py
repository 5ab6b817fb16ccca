"""A supply point, as the utility's system says it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SupplyPoint:
    """Where electricity is delivered, on which grid elements it hangs, and whose contract it serves."""

    supply_point_id: str
    customer_code: str
    transformer_id: str
    feeder_id: str
    substation_id: str
    ward_code: str
    version: int
