"""The worker's loops: each calls one flow, on an interval."""

from functools import partial

from gridcare.process import Lifecycle, repeat
from repair_intake.flow.forget_expired import forget_expired
from repair_intake.wiring import Services

RETENTION_INTERVAL_S = 3600


async def work(services: Services, lifecycle: Lifecycle) -> None:
    """Do what falls due until told to stop."""
    forget = partial(forget_expired, services.db, services.clock)
    await repeat(lifecycle, forget, interval_s=RETENTION_INTERVAL_S, name="forget_expired")
