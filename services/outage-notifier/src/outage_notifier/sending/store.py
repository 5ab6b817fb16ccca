"""`rate_grant`: a provider account's rate, shared by all senders, one second at a time on the database's clock."""

from collections.abc import Mapping

from gridcare.events.notices import Lane
from gridcare.events.topics import LANES
from gridcare.postgres.database import Connection

# The clock is read once the row is locked: who waited for it counts in the second that runs then. Any other second starts anew,
# an earlier one too: the clock may have been set back.
_TAKE = """
INSERT INTO rate_grant AS g (account, second, urgent, transactional, bulk)
VALUES ($1, floor(extract(epoch FROM clock_timestamp())), 0, 0, 0)
ON CONFLICT (account) DO UPDATE SET (second, urgent, transactional, bulk) = (
    SELECT t.second, CASE WHEN g.second = t.second THEN g.urgent ELSE 0 END,
        CASE WHEN g.second = t.second THEN g.transactional ELSE 0 END, CASE WHEN g.second = t.second THEN g.bulk ELSE 0 END
    FROM (SELECT floor(extract(epoch FROM clock_timestamp()))::bigint AS second OFFSET 0) AS t)
RETURNING urgent, transactional, bulk, second + 1 - extract(epoch FROM clock_timestamp())::float8 AS next_second_s
"""
_ADD = {lane: f"UPDATE rate_grant SET {lane} = {lane} + $2 WHERE account = $1" for lane in LANES}


async def take(
    tx: Connection, account: str, *, lane: Lane, wanted: int, rate_per_s: int, reserved: Mapping[Lane, int]
) -> tuple[int, float]:
    """Take up to `wanted` calls of the running second for a lane. Return how many, and the seconds until the next second.

    A lane never takes what the others' reservations still need. The wait is never longer than a second.
    """
    row = await tx.fetchrow(_TAKE, account)
    if row is None:
        return 0, 1.0
    used = {lane: row[lane] for lane in LANES}
    kept = sum(max(0, reserved.get(other, 0) - used[other]) for other in LANES if other != lane)
    granted = max(0, min(wanted, rate_per_s - sum(used.values()) - kept))
    if granted:
        await tx.execute(_ADD[lane], account, granted)
    return granted, min(max(0.0, row["next_second_s"]), 1.0)
