"""Retention: what every service's worker deletes, an hour apart, and the `retention` command at once.

A step deletes at most BITE_ROWS rows of a table in a transaction and returns how many; a loop calls it again as long as
there are some.
"""

import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from gridcare.errors import Retryable
from gridcare.kafka.dead_letters import dead_letter
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from gridcare.postgres import idempotency, inbox, token_buckets
from gridcare.postgres.bites import BITE_ROWS
from gridcare.postgres.database import Connection, Database
from gridcare.postgres.poison import store as poison
from gridcare.process.lifecycle import Loop
from gridcare.values.clock import Clock

RETENTION_INTERVAL_S = 3600.0
"""How often workers delete expired rows; what is kept for days may stay an hour longer."""

Step = Callable[[], Awaitable[int]]
Steps = Mapping[str, Step]
"""What retention consists of: by name, functions that do a bite of work and return how much it was."""

logger = get_logger()


def shared_steps(db: Database, clock: Clock) -> Steps:
    """Return the steps for the tables that every service has."""
    return {
        "forget_answers": partial(_forget, db, partial(_forget_answers, clock)),
        "forget_event_ids": partial(_forget, db, inbox.forget),
        "forget_dead_letters": partial(_forget, db, dead_letter.forget),
        "forget_failures": partial(_forget, db, poison.forget),
        "forget_buckets": partial(_forget, db, token_buckets.forget),
    }


def retention_loops(steps: Steps) -> list[Loop]:
    """Return a worker's loops of retention, one a step, each under a guard of its own."""
    return [(name, RETENTION_INTERVAL_S, partial(_guarded, name, step)) for name, step in steps.items()]


async def _guarded(name: str, step: Step) -> int:
    """Do a bite of a step. Return 0 when it failed: it is counted, logged and tried an hour later. Raises Retryable.

    It is never parked: nobody waits for it, and it may well succeed after the next release.
    """
    try:
        return await step()
    except Retryable:
        raise
    except Exception as error:  # noqa: BLE001 - one step must not stop the others, nor what else the worker does
        _failed(name, error)
        return 0


def _failed(name: str, error: Exception) -> None:
    metrics.WORK_FAILURES.inc(kind="retention")
    logger.error("retention_failed", step=name, error_class=type(error).__name__, exc_info=error)


async def _forget(db: Database, forget: Callable[..., Awaitable[int]]) -> int:
    async with db.transaction() as tx:
        return await forget(tx, limit=BITE_ROWS)


async def _forget_answers(clock: Clock, tx: Connection, *, limit: int) -> int:
    return await idempotency.forget(tx, clock.now(), limit=limit)


async def retention_command(steps: Steps) -> int:
    """Run each step until it has nothing left to do, and print how much each did. Return 1 if a step failed, else 0."""
    status = 0
    for name, step in steps.items():
        total, ending = 0, ""
        try:
            while done := await step():
                total += done
        except Exception as error:  # noqa: BLE001 - one step must not stop the others
            _failed(name, error)
            status, ending = 1, f", then failed: {type(error.__cause__ or error).__name__}"
        sys.stdout.write(f"{name}: {total}{ending}\n")
    return status
