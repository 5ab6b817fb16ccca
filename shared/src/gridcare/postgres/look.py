"""Work that falls due in a database: one statement asks for all kinds of it, and the loops of those that there are run."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gridcare.postgres.database import Database
from gridcare.process.due import Found, repeat_due
from gridcare.process.lifecycle import Lifecycle
from gridcare.process.pace import Pace
from gridcare.values.clock import Clock

_UNDER_WAY = "under_way"
_NOTHING = "SELECT true WHERE false"


class Work(NamedTuple):
    """A kind of work: the step that does some of it and returns how much, and the query that finds whether there is any.

    The query finds at most one row, `true`, and takes the service's time as $1. (EXISTS would let the server scan a table
    for the first row that fits.)
    """

    step: Callable[[], Awaitable[int]]
    query: str


@dataclass(frozen=True, slots=True)
class Look:
    """One statement of many queries like those of Work: what is due, by its name, and what is `under_way` that makes more."""

    db: Database
    clock: Clock
    due: Mapping[str, str]
    under_way: str
    statement: str = field(init=False)

    def __post_init__(self) -> None:
        queries = {**self.due, _UNDER_WAY: self.under_way}
        columns = (f"({query.strip()}) IS NOT NULL AS {name}" for name, query in queries.items())
        object.__setattr__(self, "statement", f"SELECT {', '.join(columns)}")

    async def __call__(self) -> Found:
        """Return what there is to do now. Raises Retryable."""
        async with self.db.read() as connection:
            [row] = await connection.fetch(self.statement, self.clock.now())
        return Found([name for name in self.due if row[name]], under_way=row[_UNDER_WAY])


async def repeat_work(
    lifecycle: Lifecycle,
    db: Database,
    clock: Clock,
    work: Mapping[str, Work],
    *,
    under_way: str = _NOTHING,
    wake: asyncio.Event | None = None,
) -> None:
    """Do each kind of work whenever there is some, until told to stop, as `repeat_due` does. Looks have their own connection."""
    queries = {name: each.query for name, each in work.items()}
    steps = {name: each.step for name, each in work.items()}
    async with db.keeping_plans() as looking:
        await repeat_due(lifecycle, Look(looking, clock, queries, under_way), steps, pace=Pace(), wake=wake)
