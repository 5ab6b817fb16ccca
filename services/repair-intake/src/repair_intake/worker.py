"""The worker's loops: each calls one flow, on an interval."""

from functools import partial

from gridcare.postgres.retention import RETENTION_INTERVAL_S, forget_expired
from gridcare.process.lifecycle import Lifecycle, repeat_all
from repair_intake.known_outages.flow.forget_outages import forget_outages
from repair_intake.wiring import Services


async def work(services: Services, lifecycle: Lifecycle) -> None:
    """Do what falls due until told to stop."""
    await repeat_all(
        lifecycle,
        ("forget_outages", RETENTION_INTERVAL_S, partial(forget_outages, services.db, services.clock)),
        ("forget_expired", RETENTION_INTERVAL_S, partial(forget_expired, services.db, services.clock)),
    )
