"""A supply point as this service needs it: whose it is and what it hangs on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SupplyPoint:
    """Where electricity is delivered, at one version of what the utility says of it."""

    supply_point_id: str
    customer_code: str
    transformer_id: str
    feeder_id: str
    ward_code: str
    version: int
