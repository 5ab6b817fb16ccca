"""Delete what nobody can ask for again: old answers and noted events."""

from gridcare.clock import Clock
from gridcare.observability.logging import get_logger
from gridcare.postgres import idempotency, inbox
from gridcare.postgres.database import Database

logger = get_logger()


async def forget_expired(db: Database, clock: Clock) -> int:
    """Delete each table's expired rows in a transaction of its own; how many. Raises Retryable."""
    async with db.transaction() as tx:
        answers = await idempotency.forget(tx, clock.now())
    async with db.transaction() as tx:
        events = await inbox.forget(tx)
    logger.info("expired_forgotten", rows=answers + events)
    return answers + events
