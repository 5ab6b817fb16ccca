"""The worker's loops: each calls one flow, on an interval."""

from functools import partial

from gridcare.process import Lifecycle, repeat, run_together
from outage_notifier.flow.hint_batches import hint_again
from outage_notifier.wiring import Services

SWEEP_INTERVAL_S = 1.0


async def work(services: Services, lifecycle: Lifecycle) -> None:
    """Do what falls due until told to stop."""
    settings = services.settings
    hint = partial(hint_again, services.db, services.clock, silent_s=settings.hint_silent_s)
    await run_together(
        lifecycle,
        repeat(lifecycle, hint, interval_s=SWEEP_INTERVAL_S, name="hint_again"),
    )
