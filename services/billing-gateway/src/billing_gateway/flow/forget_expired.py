"""Delete what nobody can ask for again: old answers, noted events. What is about money is kept for ever."""

from gridcare.clock import Clock
from gridcare.observability.logging import get_logger
from gridcare.postgres import idempotency, inbox
from gridcare.postgres.database import Database

logger = get_logger()


async def forget_expired(db: Database, clock: Clock) -> None:
    """Delete each table's expired rows in a transaction of its own, so that none waits for another. Raises Retryable."""
    async with db.transaction() as tx:
        answers = await idempotency.forget(tx, clock.now())
    async with db.transaction() as tx:
        events = await inbox.forget(tx)
    logger.info("expired_forgotten", rows=answers + events)
