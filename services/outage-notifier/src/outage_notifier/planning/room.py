"""What the use cases of planning work in."""

from dataclasses import dataclass

from gridcare.postgres.database import Database
from gridcare.postgres.poison.guard import Guard
from gridcare.values.clock import Clock
from outage_notifier.planning.core.choice import BATCH_SIZE_MAX, LISTED_MAX, PAGE_SIZE


@dataclass(frozen=True, slots=True)
class Planning:
    """The database, the clock and the limits of planning.

    `lease_s` is how long a silent planner keeps its notice (a page takes tens of milliseconds), `hint_silent_s` how long
    a batch that nobody holds waits to be hinted at again the first time.
    A scope of at most `listed_max` supply points is read at once.
    """

    db: Database
    clock: Clock
    guard: Guard
    lease_s: float = 30
    hint_silent_s: float = 60
    page_size: int = PAGE_SIZE
    batch_size: int = BATCH_SIZE_MAX
    listed_max: int = LISTED_MAX
