"""Wake-ups: a transaction that makes work says so when it commits, and the processes that do it look at once.

They are a matter of speed alone: one that is lost costs the pause between two looks. Commits that send one wait for one
another in the server, so this is for what is made seldom, or many pieces at a time; never for each row of a busy table.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from gridcare.errors import Retryable
from gridcare.observability.logging import get_logger
from gridcare.postgres.database import Connection, direct_connection
from gridcare.process.backoff import Backoff

BACKOFF_FIRST_S: Final = 1.0
BACKOFF_MAX_S: Final = 30.0

logger = get_logger()


async def send(tx: Connection, channel: str) -> None:
    """Wake those who listen on a channel, once the transaction commits."""
    await tx.execute("SELECT pg_notify($1, '')", channel)


@asynccontextmanager
async def listening(url: str, channel: str, *, application_name: str) -> AsyncIterator[asyncio.Event]:
    """Yield an event that is set whenever somebody sends on a channel, and when the server was away.

    Listens on a connection of its own, which must not lead through a transaction pooler: there, nothing would be heard.
    """
    heard = asyncio.Event()
    task = asyncio.create_task(_listen(url, channel, application_name, heard))
    try:
        yield heard
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _listen(url: str, channel: str, application_name: str, heard: asyncio.Event) -> None:
    backoff = Backoff(first_s=BACKOFF_FIRST_S, limit_s=BACKOFF_MAX_S)
    while True:
        lost = asyncio.Event()
        try:
            async with direct_connection(url, application_name=application_name) as connection:
                connection.add_termination_listener(lambda _, lost=lost: lost.set())
                await connection.add_listener(channel, lambda *_: heard.set())
                heard.set()
                backoff.succeeded()
                await lost.wait()
        except Retryable as error:
            logger.warning("listener_waits", error_class=type(error.__cause__ or error).__name__)
        await asyncio.sleep(backoff.failed())
