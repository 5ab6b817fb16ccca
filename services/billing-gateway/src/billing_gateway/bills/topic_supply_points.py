"""supply-points.v1: which customers there are."""

from collections.abc import Sequence

from billing_gateway.bills.flow.note_customers import note_customers
from billing_gateway.bills.room import Bills
from gridcare.kafka.consume import Subscription
from gridcare.known_supply_points.core import Change
from gridcare.known_supply_points.topic_supply_points import applied_by


def subscription(room: Bills) -> Subscription:
    """Return the topic's subscription. Tombstones are passed over: a customer who moved out still gets a last bill."""

    async def note(changes: Sequence[Change]) -> None:
        codes = {each.supply_point.customer_code for each in changes if not each.removed}
        await note_customers(codes, room=room)

    return applied_by(note)
