"""Retention: what every service's worker deletes, an hour apart, and the `retention` command at once.

A step deletes at most BITE_ROWS rows of a table in a transaction and returns how many; a loop calls it again as long as
there are some.
"""

import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from gridcare.kafka.dead_letters import dead_letter
from gridcare.observability.logging import get_logger
from gridcare.postgres import idempotency, inbox, token_buckets
from gridcare.postgres.bites import BITE_ROWS
from gridcare.postgres.database import Database
from gridcare.postgres.poison import store as poison
from gridcare.values.clock import Clock

RETENTION_INTERVAL_S = 3600.0
"""How often workers delete expired rows; what is kept for days may stay an hour longer."""

Steps = Mapping[str, Callable[[], Awaitable[int]]]
"""What retention consists of: by name, functions that do a bite of work and return how much it was."""

logger = get_logger()


def shared_steps(db: Database, clock: Clock) -> Steps:
    """Return the steps for the tables that every service has."""
    return {"forget_expired": partial(forget_expired, db, clock)}


async def forget_expired(db: Database, clock: Clock, *, limit: int = BITE_ROWS) -> int:
    """Delete what is expired of the shared tables, at most `limit` rows of each, and return how many in all.

    Each table has its own transaction, so that none waits for another. Raises Retryable.
    """
    async with db.transaction() as tx:
        answers = await idempotency.forget(tx, clock.now(), limit=limit)
    async with db.transaction() as tx:
        events = await inbox.forget(tx, limit=limit)
    async with db.transaction() as tx:
        letters = await dead_letter.forget(tx, limit=limit)
    async with db.transaction() as tx:
        counts = await poison.forget(tx, limit=limit)
    async with db.transaction() as tx:
        buckets = await token_buckets.forget(tx, limit=limit)
    rows = answers + events + letters + counts + buckets
    logger.info("expired_forgotten", rows=rows)
    return rows


async def retention_command(steps: Steps) -> int:
    """Run each step until it has nothing left to do, and print how much each did."""
    for name, step in steps.items():
        total = 0
        while done := await step():
            total += done
        sys.stdout.write(f"{name}: {total}\n")
    return 0
