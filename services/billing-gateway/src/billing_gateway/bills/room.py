"""What the use cases of bills work in."""

from dataclasses import dataclass

from gridcare.postgres.database import Database
from gridcare.values.clock import Clock


@dataclass(frozen=True, slots=True)
class Bills:
    """Where bills are registered and read."""

    db: Database
    clock: Clock
