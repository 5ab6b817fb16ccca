"""Retention of the shared plumbing's tables in every service's database."""

from gridcare.kafka.dead_letters import dead_letter
from gridcare.observability.logging import get_logger
from gridcare.postgres import idempotency, inbox, token_buckets
from gridcare.postgres.database import Database
from gridcare.postgres.poison import store as poison
from gridcare.values.clock import Clock

RETENTION_INTERVAL_S = 3600.0
"""How often workers delete expired rows; what is kept for days may stay an hour longer."""

logger = get_logger()


async def forget_expired(db: Database, clock: Clock) -> int:
    """Delete expired answers, event ids, rows of dead letters counts of failures and full token buckets, and return their number.

    Each table has its own transaction, so that none waits for another. Raises Retryable.
    """
    async with db.transaction() as tx:
        answers = await idempotency.forget(tx, clock.now())
    async with db.transaction() as tx:
        events = await inbox.forget(tx)
    async with db.transaction() as tx:
        letters = await dead_letter.forget(tx)
    async with db.transaction() as tx:
        counts = await poison.forget(tx)
    async with db.transaction() as tx:
        buckets = await token_buckets.forget(tx)
    rows = answers + events + letters + counts + buckets
    logger.info("expired_forgotten", rows=rows)
    return rows
