"""The worker's loops: each calls one flow, on an interval."""

from gridcare.errors import Retryable
from gridcare.observability.logging import get_logger
from gridcare.process import Lifecycle
from repair_intake.flow.forget_expired import forget_expired
from repair_intake.wiring import Services

RETENTION_INTERVAL_S = 3600
BEAT_INTERVAL_S = 10
"""Liveness wants a beat a minute, also of a loop that sleeps for an hour."""

logger = get_logger()


async def keep_retention(services: Services, lifecycle: Lifecycle) -> None:
    """Forget what expired, at the start and each hour, until told to stop."""
    rest_s = 0.0
    lifecycle.ready = True
    while not lifecycle.stopping.is_set():
        if rest_s <= 0:
            rest_s = RETENTION_INTERVAL_S
            try:
                await forget_expired(services.db, services.clock)
            except Retryable as error:  # the next round does it
                logger.warning("retention_waits", error_class=type(error.__cause__ or error).__name__)
        await lifecycle.pause(BEAT_INTERVAL_S)
        rest_s -= BEAT_INTERVAL_S
