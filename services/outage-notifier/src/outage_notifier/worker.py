"""The worker's loops: each calls one flow, on an interval."""

from datetime import timedelta
from functools import partial

from gridcare.postgres.retention import RETENTION_INTERVAL_S, forget_expired
from gridcare.process.lifecycle import Lifecycle, repeat_all
from outage_notifier.ledger.core.outcome import SmsSender
from outage_notifier.ledger.flow.complete_notices import complete_notices
from outage_notifier.planning.flow.cut_follow_ups import cut_follow_ups
from outage_notifier.planning.flow.hint_batches import hint_again
from outage_notifier.receipts.flow.apply_marks import apply_marks
from outage_notifier.receipts.flow.apply_receipts import apply_receipts
from outage_notifier.receipts.flow.resolve_unknown import Resolver, resolve_unknown
from outage_notifier.wiring import Services, texting

SWEEP_INTERVAL_S = 1.0
PROMPT_INTERVAL_S = 0.2
"""Of what somebody waits for: a receipt's progress, a notice's completion."""


async def work(services: Services, lifecycle: Lifecycle) -> None:
    """Do what falls due until told to stop."""
    settings = services.settings
    hint = partial(hint_again, services.db, services.clock, silent_s=settings.hint_silent_s)
    receipts = partial(apply_receipts, services.db, services.clock, services.vault)
    async with texting(settings) as sms:
        await repeat_all(
            lifecycle,
            ("hint_again", SWEEP_INTERVAL_S, hint),
            ("cut_follow_ups", SWEEP_INTERVAL_S, partial(cut_follow_ups, services.db, services.clock)),
            ("apply_receipts", PROMPT_INTERVAL_S, receipts),
            ("apply_marks", PROMPT_INTERVAL_S, partial(apply_marks, services.db, services.clock)),
            ("complete_notices", PROMPT_INTERVAL_S, partial(complete_notices, services.db, services.clock)),
            ("resolve_unknown", SWEEP_INTERVAL_S, partial(resolve_unknown, resolver(services, sms))),
            ("forget_expired", RETENTION_INTERVAL_S, partial(forget_expired, services.db, services.clock)),
        )


def resolver(services: Services, sms: SmsSender) -> Resolver:
    """Make what look-ups work with."""
    settings = services.settings
    between_s = settings.unknown_second_look_after_s - settings.unknown_first_look_after_s
    return Resolver(services.db, services.clock, sms, services.vault, timedelta(seconds=max(between_s, 0)))
