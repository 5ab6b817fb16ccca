"""`supply-points.v1`: where electricity is delivered, according to the utility's customer information system."""

from typing import ClassVar

from gridcare.events.envelope import Event, published
from gridcare.events.topics import SUPPLY_POINTS, Topic


@published
class SupplyPointChanged(Event, frozen=True, kw_only=True):
    """A supply point's position in the grid and the customer it serves; a tombstone says that it was removed.

    The address is personal data and stays in the utility's system.
    """

    topic: ClassVar[Topic] = SUPPLY_POINTS
    key_field: ClassVar[str] = "supply_point_id"

    supply_point_id: str
    customer_code: str
    transformer_id: str
    feeder_id: str
    substation_id: str
    ward_code: str
