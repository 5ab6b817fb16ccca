"""The worker's loops: each repeats one use case, on an interval."""

from functools import partial

from gridcare.postgres.poison.guard import COUNT_INTERVAL_S, count_parked
from gridcare.postgres.retention import Steps, retention_loops, shared_steps
from gridcare.process.lifecycle import Lifecycle, repeat_all
from repair_intake.known_outages.flow import forget_outages
from repair_intake.known_outages.room import KnownOutages
from repair_intake.tickets.flow.release_tickets import RELEASE_INTERVAL_S, release_passed
from repair_intake.wiring import WorkerRooms


async def work(rooms: WorkerRooms, lifecycle: Lifecycle) -> None:
    """Do what falls due until told to stop."""
    known_outages = rooms.known_outages
    await repeat_all(
        lifecycle,
        ("release_passed", RELEASE_INTERVAL_S, partial(release_passed, room=rooms.tickets)),
        ("count_parked", COUNT_INTERVAL_S, partial(count_parked, known_outages.db)),
        *retention_loops(retention_steps(known_outages)),
    )


def retention_steps(known_outages: KnownOutages) -> Steps:
    """Return what retention consists of here, in its order."""
    return {
        "forget_outages": partial(forget_outages, room=known_outages),
        **shared_steps(known_outages.db, known_outages.clock),
    }
