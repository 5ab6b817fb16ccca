"""The worker's loops: each repeats one use case, on an interval."""

from functools import partial

from billing_gateway.callbacks.flow.handle_provider_event import handle_waiting_events
from billing_gateway.payments.flow.expire_payments import expire_payments
from billing_gateway.wiring import Rooms
from gridcare.postgres.poison.guard import COUNT_INTERVAL_S, count_parked
from gridcare.postgres.retention import RETENTION_INTERVAL_S, forget_expired
from gridcare.process.lifecycle import Lifecycle, repeat_all

EVENTS_INTERVAL_S = 1.0
"""The api handles a callback right after answering it; one that it had to leave is taken up within this time."""
EXPIRY_INTERVAL_S = 10.0


async def work(rooms: Rooms, lifecycle: Lifecycle) -> None:
    """Do what falls due until told to stop."""
    payments = rooms.payments
    await repeat_all(
        lifecycle,
        ("handle_waiting_events", EVENTS_INTERVAL_S, partial(handle_waiting_events, room=rooms.callbacks)),
        ("expire_payments", EXPIRY_INTERVAL_S, partial(expire_payments, room=payments)),
        ("count_parked", COUNT_INTERVAL_S, partial(count_parked, payments.db)),
        ("forget_expired", RETENTION_INTERVAL_S, partial(forget_expired, payments.db, payments.clock)),
    )
