"""The worker's loops: each repeats one use case, on an interval."""

from functools import partial

from gridcare.postgres.poison.guard import COUNT_INTERVAL_S, count_parked
from gridcare.postgres.retention import RETENTION_INTERVAL_S, Steps, shared_steps
from gridcare.process.lifecycle import Lifecycle, repeat_all
from outage_notifier.ledger.flow.complete_notices import complete_notices
from outage_notifier.ledger.flow.forget_notices import forget_notices
from outage_notifier.ledger.flow.keep_partitions import keep_partitions
from outage_notifier.ledger.room import Keeping
from outage_notifier.planning.flow.cut_follow_ups import cut_follow_ups
from outage_notifier.planning.flow.hint_batches import hint_again
from outage_notifier.planning.flow.look_at_covers import look_at_covers
from outage_notifier.planning.flow.recut_strays import recut_strays
from outage_notifier.receipts.flow.apply_marks import apply_marks
from outage_notifier.receipts.flow.apply_receipts import apply_receipts
from outage_notifier.receipts.flow.forget_keys import forget_keys
from outage_notifier.receipts.flow.resolve_unknown import resolve_unknown
from outage_notifier.receipts.room import LookUps, Marks
from outage_notifier.sending.flow.fall_back import fall_back
from outage_notifier.wiring import Rooms

SWEEP_INTERVAL_S = 1.0
STRAYS_INTERVAL_S = 60.0
"""There should be none; the look costs one index probe for each follow-up batch that waits."""
PROMPT_INTERVAL_S = 0.2
"""For what somebody waits for: a receipt's effect, a notice's completion."""


async def work(rooms: Rooms, look_ups: LookUps, lifecycle: Lifecycle) -> None:
    """Do what falls due until told to stop."""
    ledger, planning = rooms.ledger, rooms.planning
    await repeat_all(
        lifecycle,
        ("hint_again", SWEEP_INTERVAL_S, partial(hint_again, room=planning)),
        ("cut_follow_ups", SWEEP_INTERVAL_S, partial(cut_follow_ups, room=planning)),
        ("look_at_covers", SWEEP_INTERVAL_S, partial(look_at_covers, room=planning)),
        ("recut_strays", STRAYS_INTERVAL_S, partial(recut_strays, room=planning)),
        ("fall_back", SWEEP_INTERVAL_S, partial(fall_back, room=rooms.waiting)),
        ("apply_receipts", PROMPT_INTERVAL_S, partial(apply_receipts, room=rooms.callbacks)),
        ("apply_marks", PROMPT_INTERVAL_S, partial(apply_marks, room=rooms.marks)),
        ("complete_notices", PROMPT_INTERVAL_S, partial(complete_notices, room=ledger)),
        ("resolve_unknown", SWEEP_INTERVAL_S, partial(resolve_unknown, room=look_ups)),
        ("count_parked", COUNT_INTERVAL_S, partial(count_parked, ledger.db)),
        *((name, RETENTION_INTERVAL_S, step) for name, step in retention_steps(rooms.keeping, rooms.marks).items()),
    )


def retention_steps(keeping: Keeping, marks: Marks) -> Steps:
    """Return what retention consists of here, in its order."""
    return {
        "keep_partitions": partial(keep_partitions, room=keeping),
        "forget_notices": partial(forget_notices, room=keeping),
        "forget_keys": partial(forget_keys, room=marks),
        **shared_steps(keeping.db, keeping.clock),
    }
