"""The customer codes that supply-points.v1 names."""

from typing import Any

import pytest

from billing_gateway.bills.topic_supply_points import subscription
from gridcare.errors import PassedOver
from gridcare.events import Envelope, Event, type_name
from gridcare.events.payments import PaymentRecorded
from gridcare.events.supply_points import SupplyPointChanged
from gridcare.values.ids import uuid7

NEWCOMER = "PB11017777777"


def envelope(gateway: Any, data: Event | None, kind: type[Event] = SupplyPointChanged) -> Envelope:
    now = gateway.clock.now()
    return Envelope(uuid7(now), "/gridcare/tests", type_name(kind), now, "SP1", 1, None, data)


def supply_point(customer_code: str) -> SupplyPointChanged:
    return SupplyPointChanged(
        version=1,
        supply_point_id="SP1",
        customer_code=customer_code,
        transformer_id="T1",
        feeder_id="F1",
        substation_id="S1",
        ward_code="31117",
    )


async def test_supply_points_name_customers(gateway: Any) -> None:
    """A customer whom a supply point named can be billed, also after repeats and a tombstone."""
    handle = subscription(gateway.rooms.bills).handle
    known = envelope(gateway, supply_point(NEWCOMER))
    await handle([known, known, envelope(gateway, None)])
    await handle([known])
    assert (await gateway.bill(customer_code=NEWCOMER))["customer_code"] == NEWCOMER


async def test_strangers_are_passed_over(gateway: Any) -> None:
    """An event of another type is for a later release, and nothing of the records beside it is kept."""
    handle = subscription(gateway.rooms.bills).handle
    stranger = PaymentRecorded(
        version=1,
        customer_code=NEWCOMER,
        payment_id=uuid7(gateway.clock.now()),
        bill_id=uuid7(gateway.clock.now()),
        bill_number="HD1",
        provider="vnpay",
        amount_vnd=1,
        paid_at=gateway.clock.now(),
        bill_outstanding_vnd=0,
    )
    with pytest.raises(PassedOver, match="PaymentRecorded"):
        await handle([envelope(gateway, supply_point(NEWCOMER)), envelope(gateway, stranger, PaymentRecorded)])
    assert await gateway.rows("SELECT 1 FROM customer WHERE customer_code = $1", NEWCOMER) == []
