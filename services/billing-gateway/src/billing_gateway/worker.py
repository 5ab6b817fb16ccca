"""The worker's loops: each calls one flow, on an interval."""

from functools import partial

from billing_gateway.callbacks.flow.handle_provider_event import handle_waiting_events
from billing_gateway.payments.flow.expire_payments import expire_payments
from billing_gateway.wiring import Services
from gridcare.postgres.retention import RETENTION_INTERVAL_S, forget_expired
from gridcare.process.lifecycle import Lifecycle, repeat_all

EVENTS_INTERVAL_S = 1.0
"""The api works on a callback right after its answer; here is what it could not, so nobody's receipt waits longer."""
EXPIRY_INTERVAL_S = 10.0


async def work(services: Services, lifecycle: Lifecycle) -> None:
    """Do what falls due until told to stop."""
    await repeat_all(
        lifecycle,
        ("handle_waiting_events", EVENTS_INTERVAL_S, partial(handle_waiting_events, services.desk)),
        ("expire_payments", EXPIRY_INTERVAL_S, partial(expire_payments, services.db, services.clock)),
        ("forget_expired", RETENTION_INTERVAL_S, partial(forget_expired, services.db, services.clock)),
    )
