"""The shards are shared fairly, and a relay that is gone leaves its own to the others."""

from collections import Counter

import pytest

from gridcare.postgres.database import Database, direct_connection
from gridcare.postgres.outbox import SHARDS
from gridcare.postgres.relay import shares
from gridcare.postgres.relay.shares import SHARD_LOCK_CLASS, fair_share
from gridcare.testing.outbox import Publisher
from gridcare.testing.waiting import eventually


async def held(db: Database) -> Counter[int]:
    """Return how many shards each session holds."""
    async with db.read() as connection:
        rows = await connection.fetch(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = $1 "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            SHARD_LOCK_CLASS,
        )
    return Counter(row["pid"] for row in rows)


@pytest.mark.parametrize("relays", [1, 2, 3, 5, 16, 17])
def test_shares_sum_up(relays):
    """The shares of any number of relays differ by one at most and sum to all shards."""
    members = [41 + 7 * number for number in range(relays)]
    given = [fair_share(members, this) for this in members]
    assert sum(given) == SHARDS
    assert max(given) - min(given) <= 1


async def test_shared_among_relays(db, relaying):
    """The first relay gives shards back to those that start later; when some stop, the others take theirs."""
    first = relaying(Publisher())
    await eventually(lambda: _are(db, [16]))
    assert first.ready
    others = [relaying(Publisher()) for _ in range(2)]
    await eventually(lambda: _are(db, [5, 5, 6]))
    await eventually(lambda: all(each.ready for each in others))
    for each in others:
        each.stop()
    await eventually(lambda: _are(db, [16]))


async def test_a_killed_session_is_replaced(db, relaying):
    """When a relay's session ends, its shards are claimed again, by itself or by another."""
    for _ in range(2):
        relaying(Publisher())
    await eventually(lambda: _are(db, [8, 8]))
    (victim, _), *_ = (await held(db)).most_common()
    async with db.read() as connection:
        await connection.execute("SELECT pg_terminate_backend($1)", victim)

    async def replaced() -> bool:
        now = await held(db)
        return victim not in now and sorted(now.values()) == [8, 8]

    await eventually(replaced)


async def test_ready_means_holding(db, relaying, database_url):
    """A relay is ready while it holds shards: not before, while another program has them all."""
    async with direct_connection(database_url, application_name="former release") as former:
        await former.execute(
            "SELECT pg_advisory_lock($1, shard) FROM generate_series(0, 15) AS shard", SHARD_LOCK_CLASS
        )
        waiting = relaying(Publisher())
        await eventually(lambda: _is_member(db))
        assert not waiting.ready
    await eventually(lambda: waiting.ready)


async def test_vanished_sessions_end(database_url):
    """A session whose process vanished ends within seconds, since the server itself asks for a sign of life."""
    async with direct_connection(database_url, application_name="tests") as connection:
        idle_s, interval_s, count, user_ms = [
            int(await connection.fetchval(f"SELECT current_setting('{name}')"))
            for name in ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout")
        ]
    assert 0 < idle_s + interval_s * count <= 10
    assert user_ms == 10_000


async def _are(db: Database, counts: list[int]) -> bool:
    return sorted((await held(db)).values()) == counts


async def _is_member(db: Database) -> bool:
    async with db.read() as connection:
        locks = "SELECT count(*) FROM pg_locks WHERE classid::bigint = $1"
        members: int = await connection.fetchval(locks, shares.MEMBER_LOCK_CLASS)
    return members > 0
