"""What the use cases of the ledger work in."""

from dataclasses import dataclass

from gridcare.postgres.database import Database
from gridcare.postgres.poison.guard import Guard
from gridcare.values.clock import Clock


@dataclass(frozen=True, slots=True)
class Keeping:
    """What retention works in. Deliveries, batches and attempts are dropped `kept_months` after their month."""

    db: Database
    clock: Clock
    kept_months: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """The database, the clock and the guard of what is completed."""

    db: Database
    clock: Clock
    guard: Guard
