"""Token buckets: how often one caller may do something, counted for all processes together.

A bucket holds as many tokens as may be used in an hour, all at once if need be, and they come back evenly. What is kept is the
moment at which the bucket is full again (the generic cell rate algorithm): one row, one statement, on the database's clock.
"""

import math
from collections.abc import Mapping
from typing import Final

from gridcare.errors import TooManyRequests
from gridcare.postgres.database import Connection, Database

HOUR_S: Final = 3600.0
SET_BACK_MIN_S: Final = 60
"""A bucket that is full only so much later than an empty one would be was emptied before the clock was set back; statements that
wait for one another's row see times that differ by less."""

_FULL_AT: Final = f"""
    CASE WHEN b.full_at > statement_timestamp() + make_interval(secs => $4 + {SET_BACK_MIN_S}) THEN statement_timestamp()
         ELSE greatest(b.full_at, statement_timestamp()) END"""
_TAKE: Final = f"""
INSERT INTO token_bucket AS b (bucket, subject, full_at)
VALUES ($1, $2, statement_timestamp() + make_interval(secs => $3))
ON CONFLICT (bucket, subject) DO UPDATE
SET full_at = {_FULL_AT} + make_interval(secs => $3)
WHERE {_FULL_AT} + make_interval(secs => $3)
      <= statement_timestamp() + make_interval(secs => $4)
RETURNING true
"""
_WAIT: Final = """
SELECT extract(epoch FROM full_at - statement_timestamp())::float8 + $3 - $4 FROM token_bucket
WHERE bucket = $1 AND subject = $2
"""
_FORGET: Final = """
DELETE FROM token_bucket WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM token_bucket WHERE full_at < statement_timestamp() LIMIT $1))
"""


class Buckets:
    """The buckets of a service: by name, how many requests one caller may make in an hour."""

    def __init__(self, db: Database, per_hour: Mapping[str, int]) -> None:
        self._db = db
        self._per_hour = per_hour

    async def take(self, bucket: str, subject: str) -> None:
        """Take a token. Raises TooManyRequests `too-many-requests`, with the seconds until there is one, and Retryable."""
        per_hour = self._per_hour[bucket]
        async with self._db.transaction() as tx:
            if await take(tx, bucket, subject, per_hour=per_hour, burst=per_hour):
                return
            wait_s = await tx.fetchval(_WAIT, bucket, subject, HOUR_S / per_hour, HOUR_S) or 0.0
        raise TooManyRequests(
            "too-many-requests",
            f"at most {per_hour} of these requests in an hour",
            headers={"Retry-After": str(max(1, math.ceil(wait_s)))},
        )


async def take(tx: Connection, bucket: str, subject: str, *, per_hour: int, burst: int) -> bool:
    """Take a token of a bucket that holds `burst` and gets `per_hour` back in an hour. Return False when there is none."""
    cost_s = HOUR_S / per_hour
    return bool(await tx.fetchval(_TAKE, bucket, subject, cost_s, cost_s * burst))


async def forget(tx: Connection, *, limit: int) -> int:
    """Delete buckets that are full again and return the number of rows."""
    tag: str = await tx.execute(_FORGET, limit)
    return int(tag.split()[1])
