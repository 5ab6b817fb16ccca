"""What the use cases of tickets work in."""

from collections.abc import Callable
from dataclasses import dataclass

from gridcare.postgres.database import Database
from gridcare.values.clock import Clock
from repair_intake.tickets.core.submission import TicketRules


@dataclass(frozen=True, slots=True)
class Tickets:
    """Where tickets are taken in, read and released."""

    db: Database
    clock: Clock
    rules: TicketRules
    draw: Callable[[int], int]
    """`draw(n)` returns a random number from 0 to n - 1; references are spelt from it."""
