"""The worker's loops: each calls one flow, on an interval."""

from collections.abc import Awaitable, Callable

from billing_gateway.flow.expire_payments import expire_payments
from billing_gateway.flow.forget_expired import forget_expired
from billing_gateway.flow.handle_provider_event import handle_waiting_events
from billing_gateway.wiring import Services
from gridcare.errors import Retryable
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from gridcare.process import Lifecycle

EVENTS_INTERVAL_S = 1.0
"""The api works on a callback right after its answer; here is what it could not, so nobody's receipt waits longer."""
EXPIRY_INTERVAL_S = 10.0
RETENTION_INTERVAL_S = 3600.0
BEAT_INTERVAL_S = 10.0
"""Liveness wants a beat a minute, also of a loop that sleeps for an hour."""

logger = get_logger()


def loops(services: Services, lifecycle: Lifecycle) -> tuple[Awaitable[None], ...]:
    """Give what the worker does side by side, until told to stop."""

    async def handle() -> None:
        await handle_waiting_events(services.desk)

    async def expire() -> None:
        await expire_payments(services.db, services.clock)

    async def forget() -> None:
        await forget_expired(services.db, services.clock)

    return (
        _each(EVENTS_INTERVAL_S, "provider-events", handle, lifecycle),
        _each(EXPIRY_INTERVAL_S, "payment-expiry", expire, lifecycle),
        _each(RETENTION_INTERVAL_S, "retention", forget, lifecycle),
    )


async def _each(interval_s: float, loop: str, call: Callable[[], Awaitable[None]], lifecycle: Lifecycle) -> None:
    rest_s = 0.0
    while not lifecycle.stopping.is_set():
        if rest_s <= 0:
            rest_s = interval_s
            try:
                await call()
            except Retryable as error:  # the next round does it
                metrics.LOOP_FAILURES.inc(loop=loop)
                logger.warning("loop_waits", loop=loop, error_class=type(error.__cause__ or error).__name__)
        pause_s = min(BEAT_INTERVAL_S, interval_s)
        await lifecycle.pause(pause_s)
        rest_s -= pause_s
