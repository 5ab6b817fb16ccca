"""The worker's loops: each repeats one use case, on an interval."""

from functools import partial

from gridcare.postgres.poison.guard import COUNT_INTERVAL_S, count_parked
from gridcare.postgres.retention import RETENTION_INTERVAL_S, forget_expired
from gridcare.process.lifecycle import Lifecycle, repeat_all
from repair_intake.known_outages.flow import forget_outages
from repair_intake.tickets.flow.release_tickets import RELEASE_INTERVAL_S, release_passed
from repair_intake.wiring import WorkerRooms


async def work(rooms: WorkerRooms, lifecycle: Lifecycle) -> None:
    """Do what falls due until told to stop."""
    known_outages = rooms.known_outages
    await repeat_all(
        lifecycle,
        ("release_passed", RELEASE_INTERVAL_S, partial(release_passed, room=rooms.tickets)),
        ("forget_outages", RETENTION_INTERVAL_S, partial(forget_outages, room=known_outages)),
        ("count_parked", COUNT_INTERVAL_S, partial(count_parked, known_outages.db)),
        ("forget_expired", RETENTION_INTERVAL_S, partial(forget_expired, known_outages.db, known_outages.clock)),
    )
