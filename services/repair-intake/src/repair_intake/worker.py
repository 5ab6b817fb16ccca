"""The worker's loops: each repeats one step of a room."""

from functools import partial

from gridcare.postgres.retention import RETENTION_INTERVAL_S, forget_expired
from gridcare.process.lifecycle import repeat_all
from gridcare.process.service import Foundation
from repair_intake.known_outages.flow import forget_outages
from repair_intake.settings import Settings
from repair_intake.wiring import Rooms


async def work(foundation: Foundation[Settings], rooms: Rooms) -> None:
    """Do what falls due until told to stop."""
    await repeat_all(
        foundation.lifecycle,
        ("forget_outages", RETENTION_INTERVAL_S, partial(forget_outages, room=rooms.known_outages)),
        ("forget_expired", RETENTION_INTERVAL_S, partial(forget_expired, foundation.db, foundation.clock)),
    )
