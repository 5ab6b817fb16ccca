"""What nobody takes for now holds back its own keys alone; what is refused for good goes out of the way."""

from uuid import uuid4

import pytest

from gridcare.errors import Rejected, Retryable
from gridcare.kafka.produce import Producer
from gridcare.postgres.database import direct_connection
from gridcare.postgres.relay.rows import SESSION
from gridcare.postgres.relay.run import publish_once
from gridcare.postgres.relay.shares import Shares
from gridcare.testing.metrics import sample
from gridcare.testing.outbox import Publisher, append, append_many, unsent
from gridcare.testing.waiting import eventually


@pytest.fixture
async def shares(database_url):
    """Return the shards, all of them, on a relay's connection."""
    async with direct_connection(database_url, application_name="relay test", settings=SESSION) as connection:
        all_of_them = Shares(connection)
        await all_of_them.balance()
        yield all_of_them


async def test_bad_partition_stops_its_keys(db, relaying):
    """Keys that cannot be published hold nobody up and nothing is published twice; when they can, they keep their order."""
    bad, publisher = uuid4(), Publisher()
    publisher.bad[str(bad).encode()] = Retryable("no leader")
    await append(db, *((bad, number) for number in range(1, 4)))
    relaying(publisher)
    for _ in range(5):
        await append_many(db, 40)
        await eventually(lambda: _waiting(db, 3))
    assert len(publisher.sent) == 200
    assert publisher.versions(bad) == []
    publisher.bad.clear()
    await eventually(lambda: _waiting(db, 0))
    assert publisher.versions(bad) == [1, 2, 3]
    assert len(publisher.sent) == 203


async def test_held_back_rows_are_passed(db, shares):
    """Rows that are held back may fill pages: what waits behind them is published, up to what was there at the start."""
    bad, publisher = uuid4(), Publisher()
    publisher.bad[str(bad).encode()] = Retryable("no leader")
    await append(db, *((bad, number) for number in range(1, 101)))
    await append_many(db, 100)
    held = sorted(shares.held)
    done = await publish_once(shares._connection, held, publisher, page_size_max=32)
    assert done.held_back > 0
    while done.published:
        done = await publish_once(shares._connection, held, publisher, past_held_back=True, page_size_max=32)
    assert len(publisher.sent) == 100
    assert done.held_back == 100
    assert await unsent(db) == 100


async def test_late_rows_do_not_overtake(db, shares):
    """A row that is appended while pages are read waits for the next round, so that none of its key overtakes another."""
    bad, late, publisher = uuid4(), uuid4(), Publisher()
    publisher.bad[str(bad).encode()] = Retryable("no leader")
    await append(db, *((bad, number) for number in range(1, 50)))
    held = sorted(shares.held)

    async def somebody_appends() -> None:
        publisher.after_send = None
        await append(db, (late, 1))

    publisher.after_send = somebody_appends
    await publish_once(shares._connection, held, publisher, past_held_back=True, page_size_max=16)
    assert publisher.versions(late) == []
    await publish_once(shares._connection, held, publisher, past_held_back=True, page_size_max=16)
    assert publisher.versions(late) == [1]


async def test_refused_is_quarantined(db, shares):
    """What the broker never takes leaves the outbox with its reason and is counted; later events of its key go on."""
    bad, publisher = uuid4(), Publisher()
    publisher.bad[str(bad).encode()] = Rejected("record-too-large", "refused by the broker")
    await append(db, (bad, 1))
    labels = {"topic": "notice-batches.push.bulk.v1", "reason": "record-too-large"}
    before = sample("records_quarantined_total", **labels)
    await publish_once(shares._connection, sorted(shares.held), publisher)
    publisher.bad.clear()
    await append(db, (bad, 2))
    await publish_once(shares._connection, sorted(shares.held), publisher)
    assert publisher.versions(bad) == [2]
    async with db.read() as connection:
        (row,) = await connection.fetch("SELECT reason, key FROM outbox_quarantine")
    assert (row["reason"], row["key"]) == ("record-too-large", str(bad).encode())
    assert sample("records_quarantined_total", **labels) == before + 1


async def test_a_broker_refuses_one(db, relaying, brokers, new_topic):
    """A record that a real broker finds too large goes to the quarantine, and those around it arrive; the relay lives."""
    topic = await new_topic()
    async with Producer(brokers, client_id="relay-test", record_size_max_bytes=3_000_000) as producer:
        async with db.transaction() as tx:
            await tx.execute(
                "INSERT INTO outbox (shard, event_id, topic, key, value, headers) "
                "SELECT 0, gen_random_uuid(), $1, 'k', convert_to(repeat('x', size), 'UTF8'), '[]' "
                "FROM unnest(ARRAY[10, 1500000, 20]) AS size",
                topic.name,
            )
        lifecycle = relaying(producer)
        await eventually(lambda: _waiting(db, 0))
        assert not lifecycle.stopping.is_set()
        lifecycle.stop()
        await relaying.running[0][1]
    async with db.read() as connection:
        assert await connection.fetchval("SELECT array_agg(reason) FROM outbox_quarantine") == ["record-too-large"]


async def _waiting(db, rows: int) -> bool:
    return await unsent(db) == rows
