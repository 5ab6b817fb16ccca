"""A lock on a phone number: one look-up at a time binds messages to it."""

from gridcare.postgres.database import Connection

_HOLD = "SELECT pg_advisory_xact_lock($1)"
_KEY_BYTES = 8


async def hold(tx: Connection, number_index: bytes) -> None:
    """Wait until no other transaction binds messages to this number, and keep others out until the end of this one."""
    await tx.execute(_HOLD, int.from_bytes(number_index[:_KEY_BYTES], "big", signed=True))
