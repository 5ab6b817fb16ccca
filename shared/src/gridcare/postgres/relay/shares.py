"""Which shards a relay publishes: as many as its fair share, each under a session advisory lock.

A relay that runs holds one more lock, numbered by its server process, so that the relays of a database can count each
other. Locks end with their session, so the shards of a relay that died are free at once, and those of one that vanished as
soon as the server's keepalives miss it.
"""

import time
from collections.abc import Sequence

import asyncpg

from gridcare.observability import metrics
from gridcare.postgres.outbox import SHARDS

SHARD_LOCK_CLASS = 0x6772_6964
"""The first half of each shard's advisory lock; nothing else may use it."""

MEMBER_LOCK_CLASS = 0x6772_6965
"""The first half of each running relay's advisory lock; the second is its server process's number."""

BALANCE_INTERVAL_S = 6.0
"""How often a relay looks who else runs: beside its looks for events, one that has none stays below a statement a second."""

CLAIM_INTERVAL_S = 1.0
"""How often a relay that has less than its share looks for free shards."""

_JOIN = "SELECT pg_try_advisory_lock($1, pg_backend_pid())"
_MEMBERS = """
SELECT objid::int AS member, objid::int = pg_backend_pid() AS is_this FROM pg_locks
WHERE locktype = 'advisory' AND classid::bigint = $1 AND objsubid = 2 AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_LOCK = "SELECT shard FROM unnest($2::int[]) AS shard WHERE pg_try_advisory_lock($1, shard)"
_UNLOCK = "SELECT pg_advisory_unlock($1, shard) FROM unnest($2::int[]) AS shard"


class Shares:
    """The shards of one relay, on the connection that holds their locks."""

    def __init__(
        self, connection: "asyncpg.Connection[asyncpg.Record]", *, balance_interval_s: float = BALANCE_INTERVAL_S
    ) -> None:
        self.held: set[int] = set()
        self._connection = connection
        self._balance_interval_s = balance_interval_s
        self._joined = False
        self._balance_at_s = 0.0

    async def balance(self) -> None:
        """If it is time, claim what is missing from this relay's share, or give back what is too much."""
        if time.monotonic() < self._balance_at_s:
            return
        if not self._joined:
            self._joined = await self._connection.fetchval(_JOIN, MEMBER_LOCK_CLASS)
        members = await self._connection.fetch(_MEMBERS, MEMBER_LOCK_CLASS)
        this = next((row["member"] for row in members if row["is_this"]), 0)
        share = fair_share([row["member"] for row in members], this)
        if len(self.held) < share:
            wanted = [shard for shard in range(SHARDS) if shard not in self.held]
            self.held |= {row["shard"] for row in await self._connection.fetch(_LOCK, SHARD_LOCK_CLASS, wanted)}
        if surplus := sorted(self.held)[share:]:
            self.held -= set(surplus)
            await self._connection.execute(_UNLOCK, SHARD_LOCK_CLASS, surplus)
        metrics.RELAY_SHARDS_HELD.set(len(self.held))
        wait_s = CLAIM_INTERVAL_S if len(self.held) < share else BALANCE_INTERVAL_S
        self._balance_at_s = time.monotonic() + min(wait_s, self._balance_interval_s)


def fair_share(members: Sequence[int], this: int) -> int:
    """Return how many shards the relay `this` should hold: the shares of all differ by one at most and sum to SHARDS."""
    each, left = divmod(SHARDS, len(members))
    return each + (1 if sorted(members).index(this) < left else 0)
