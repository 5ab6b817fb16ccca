"""The worker's loops: each repeats one use case, when there is work for it or on an interval."""

import asyncio
from functools import partial

from gridcare.postgres.look import Work, repeat_work
from gridcare.postgres.poison.guard import COUNT_INTERVAL_S, count_parked
from gridcare.postgres.retention import Steps, retention_loops, shared_steps
from gridcare.process.lifecycle import Lifecycle, repeat_all, run_together
from outage_notifier.contacts.flow.forget_phone_changes import forget_phone_changes
from outage_notifier.contacts.room import PhoneHistory
from outage_notifier.ledger.flow.complete_notices import BATCHES_LEASED, NOTICES_DONE, complete_notices
from outage_notifier.ledger.flow.forget_notices import forget_notices
from outage_notifier.ledger.flow.keep_partitions import keep_partitions
from outage_notifier.ledger.room import Keeping
from outage_notifier.planning.flow.cut_follow_ups import FOLLOW_UPS_DUE, cut_follow_ups
from outage_notifier.planning.flow.hint_batches import hint_again, hints_due
from outage_notifier.planning.flow.look_at_covers import COVERS_DUE, look_at_covers
from outage_notifier.planning.flow.recut_strays import recut_strays
from outage_notifier.receipts.flow.apply_marks import MARKS_DUE, apply_marks
from outage_notifier.receipts.flow.apply_receipts import RECEIPTS_DUE, apply_receipts
from outage_notifier.receipts.flow.forget_keys import forget_keys
from outage_notifier.receipts.flow.resolve_unknown import UNKNOWN_DUE, resolve_unknown
from outage_notifier.receipts.room import Marks
from outage_notifier.sending.flow.fall_back import STOPPED_DUE, fall_back
from outage_notifier.wiring import WorkerRooms

STRAYS_INTERVAL_S = 60.0
"""There should be none; the look costs one index probe for each follow-up batch that waits."""


async def work(rooms: WorkerRooms, lifecycle: Lifecycle, wake: asyncio.Event) -> None:
    """Do what falls due until told to stop. `wake` is set when there are new notices: before long one will be done."""
    ledger, planning = rooms.ledger, rooms.planning
    due = {
        "hint_again": Work(partial(hint_again, room=planning), hints_due(planning)),
        "cut_follow_ups": Work(partial(cut_follow_ups, room=planning), FOLLOW_UPS_DUE),
        "look_at_covers": Work(partial(look_at_covers, room=planning), COVERS_DUE),
        "fall_back": Work(partial(fall_back, room=rooms.waiting), STOPPED_DUE),
        "apply_receipts": Work(partial(apply_receipts, room=rooms.callbacks), RECEIPTS_DUE),
        "apply_marks": Work(partial(apply_marks, room=rooms.marks), MARKS_DUE),
        "complete_notices": Work(partial(complete_notices, room=ledger), NOTICES_DONE),
        "resolve_unknown": Work(partial(resolve_unknown, room=rooms.look_ups), UNKNOWN_DUE),
    }
    await run_together(
        lifecycle,
        repeat_work(lifecycle, ledger.db, ledger.clock, due, under_way=BATCHES_LEASED, wake=wake),
        repeat_all(
            lifecycle,
            ("recut_strays", STRAYS_INTERVAL_S, partial(recut_strays, room=planning)),
            ("count_parked", COUNT_INTERVAL_S, partial(count_parked, ledger.db)),
            *retention_loops(retention_steps(rooms.keeping, rooms.marks, rooms.phone_history)),
        ),
    )


def retention_steps(keeping: Keeping, marks: Marks, phone_history: PhoneHistory) -> Steps:
    """Return what retention consists of here, in its order."""
    return {
        "keep_partitions": partial(keep_partitions, room=keeping),
        "forget_notices": partial(forget_notices, room=keeping),
        "forget_keys": partial(forget_keys, room=marks),
        "forget_phone_changes": partial(forget_phone_changes, room=phone_history),
        **shared_steps(keeping.db, keeping.clock),
    }
