"""What the use cases of known outages work in."""

from dataclasses import dataclass

from gridcare.postgres.database import Database
from gridcare.values.clock import Clock


@dataclass(frozen=True, slots=True)
class KnownOutages:
    """The projection of outages.v1."""

    db: Database
    clock: Clock
