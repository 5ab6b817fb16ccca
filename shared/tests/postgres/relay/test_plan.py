"""What one page costs does not depend on how much waits, nor on when its plan was made."""

from gridcare.postgres.database import direct_connection
from gridcare.postgres.relay.rows import SESSION
from gridcare.postgres.relay.run import PAGE_SIZE_MAX, publish_once
from gridcare.postgres.relay.shares import Shares
from gridcare.testing.outbox import Publisher

BACKLOG = 30_000
_FILL = """
INSERT INTO outbox (shard, event_id, topic, key, value, headers)
SELECT n % 16, gen_random_uuid(), 'outages.v1', convert_to(n::text, 'UTF8'), '', '[]' FROM generate_series(1, $1) AS n
"""


async def test_a_page_reads_a_page(db, database_url):
    """A statement prepared while the table was empty reads no more rows of a backlog than fit its page."""
    async with direct_connection(database_url, application_name="relay test", settings=SESSION) as connection:
        shares = Shares(connection)
        await shares.balance()
        held, publisher = sorted(shares.held), Publisher()
        await connection.execute("VACUUM ANALYZE outbox")
        for _ in range(8):  # from the sixth on, the plan is a generic one
            await publish_once(connection, held, publisher)
        async with db.transaction() as tx:
            await tx.execute(_FILL, BACKLOG)
        before = await _rows_read(connection)
        done = await publish_once(connection, held, publisher)
        read = await _rows_read(connection) - before
    assert done.published == PAGE_SIZE_MAX
    assert done.more
    assert read < 4 * PAGE_SIZE_MAX


async def _rows_read(connection) -> int:
    await connection.execute("SELECT pg_stat_force_next_flush()")
    await connection.execute("SELECT pg_stat_clear_snapshot()")
    return await connection.fetchval(
        "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'outbox'"
    )
