"""supply-points.v1: whose contracts there are."""

from collections.abc import Sequence

from billing_gateway.bills.flow.note_customers import note_customers
from billing_gateway.wiring import Services
from gridcare.events.supply_points import SupplyPointChanged
from gridcare.kafka.consume import Subscription
from gridcare.known_supply_points.topic_supply_points import Gone, supply_points


def subscription(services: Services) -> Subscription:
    """Give what becomes of the topic's records. A tombstone names no customer, and who moved out still gets a last bill."""

    async def apply(changes: Sequence[SupplyPointChanged | Gone]) -> None:
        await note_customers(services.db, {each.customer_code for each in changes if not isinstance(each, Gone)})

    return supply_points(apply)
