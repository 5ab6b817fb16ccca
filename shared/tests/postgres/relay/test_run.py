"""The outbox and its relay: in order within a key, at least once, one relay per shard."""

import asyncio
from uuid import uuid4

import pytest

from gridcare.events import Envelope
from gridcare.kafka.produce import Producer
from gridcare.postgres import outbox
from gridcare.postgres.database import direct_connection
from gridcare.testing.kafka import read_all
from gridcare.testing.outbox import NOW, Publisher, hint, unsent
from gridcare.testing.waiting import eventually


async def test_rolled_back_is_not_published(db, relaying):
    """An event of a failed transaction never leaves the outbox."""
    publisher = Publisher()
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await outbox.append(tx, [hint(uuid4(), 1)], source="tests", now=NOW)
            raise ZeroDivisionError
    async with db.transaction() as tx:
        await outbox.append(tx, [hint(uuid4(), 2)], source="tests", now=NOW)
    relaying(publisher)
    await eventually(lambda: len(publisher.sent) == 1)
    assert publisher.hints[0][1] == 2


async def test_order_within_a_key(db, relaying):
    """Twelve writers and three relays on eight keys that each writer locks: nothing is lost or out of order."""
    journal = Publisher()
    for _ in range(3):
        relaying(Publisher(sent=journal.sent))  # one list for all: shards move from relay to relay meanwhile
    keys = [uuid4() for _ in range(8)]
    numbers = dict.fromkeys(keys, 0)

    async def write(n: int) -> None:
        for i in range(20):
            key = keys[(n + i) % len(keys)]
            async with db.transaction() as tx:
                await tx.execute("SELECT pg_advisory_xact_lock(hashtext($1))", str(key))
                numbers[key] += 1
                await outbox.append(tx, [hint(key, numbers[key])], source="tests", now=NOW)

    await asyncio.gather(*(write(n) for n in range(12)))
    await eventually(lambda: len(journal.sent) == 240)
    for key in keys:
        assert journal.versions(key) == list(range(1, numbers[key] + 1))
    assert await unsent(db) == 0


async def test_a_missing_broker_loses_nothing(db, relaying):
    """Rows wait while the broker refuses them and go out when it is back."""
    publisher = Publisher(down=True)
    relaying(publisher)
    async with db.transaction() as tx:
        await outbox.append(tx, [hint(uuid4(), 1)], source="tests", now=NOW)
    await asyncio.sleep(0.3)
    assert await unsent(db) == 1
    publisher.down = False
    await eventually(lambda: len(publisher.sent) == 1)


async def test_a_crash_repeats_the_id(db, relaying, database_url):
    """After a crash between acknowledgement and delete, the next relay repeats only that record, with the same ce_id."""
    first, second = Publisher(), Publisher()

    async def connection_dies() -> None:
        async with direct_connection(database_url, application_name="killer") as c:
            await c.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'relay test'"
            )

    first.after_send = connection_dies
    async with db.transaction() as tx:
        await outbox.append(tx, [hint(uuid4(), 1)], source="tests", now=NOW)
    lifecycle = relaying(first)
    await eventually(lambda: len(first.sent) >= 1)
    lifecycle.stop()
    await eventually(lambda: all(task.done() for _, task in relaying.running))
    assert await unsent(db) == 1
    relaying(second)
    await eventually(lambda: len(second.sent) == 1)
    assert dict(second.sent[0].headers)["ce_id"] == dict(first.sent[0].headers)["ce_id"]


async def test_a_second_relay_takes_over(db, relaying):
    """Shards are free as soon as the connection that locked them is gone."""
    first, second = Publisher(), Publisher()
    dying = relaying(first)
    async with db.transaction() as tx:
        await outbox.append(tx, [hint(uuid4(), 1)], source="tests", now=NOW)
    await eventually(lambda: len(first.sent) == 1)
    relaying(second)
    dying.stop()
    async with db.transaction() as tx:
        await outbox.append(tx, [hint(uuid4(), 2) for _ in range(20)], source="tests", now=NOW)
    await eventually(lambda: len(first.sent) + len(second.sent) == 21)
    assert second.sent


async def test_a_real_broker_keeps_everything(db, relaying, brokers, new_topic):
    """What a real broker keeps is what was appended, including headers and a null value."""
    tombstone = Envelope(uuid4(), "/gridcare/tests", "gridcare.Tombstone", NOW, "SP1", 0, None, None)
    topic = await new_topic(compacted=True)
    async with Producer(brokers, client_id="relay-test") as producer:
        relaying(producer)
        async with db.transaction() as tx:
            await outbox.append_envelopes(tx, [(tombstone, topic)])
        await eventually(lambda: _empty(db))
        [record] = await read_all(brokers, topic.name)
    assert (record.key, record.value) == (b"SP1", None)
    assert dict(record.headers)["ce_subject"] == b"SP1"
    for lifecycle, task in relaying.running:
        lifecycle.stop()
        await task


async def _empty(db) -> bool:
    return await unsent(db) == 0


async def test_huge_events_are_refused(db):
    """The transaction fails at the append, and nothing of it remains."""
    big = hint(uuid4(), 1)
    wide = Envelope(
        uuid4(), "/gridcare/tests", "gridcare.BatchPlanned", NOW, "x" * outbox.RECORD_SIZE_MAX_BYTES, 1, None, big
    )
    with pytest.raises(outbox.RecordTooLarge):
        async with db.transaction() as tx:
            await outbox.append_envelopes(tx, [(wide, big.destination())])
    assert await unsent(db) == 0
