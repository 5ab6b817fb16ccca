"""Dead letters have a limit, are safe before the offset is committed, and are put aside once."""

import dataclasses
from collections.abc import Sequence
from uuid import uuid4

import pytest
from aiokafka.structs import ConsumerRecord

from gridcare.errors import Rejected, Retryable
from gridcare.events import Envelope, Wire
from gridcare.kafka.admin import DEAD_LETTER_SIZE_MAX_BYTES
from gridcare.kafka.brokers import Brokers
from gridcare.kafka.consume import Subscription
from gridcare.kafka.dead_letters.dead_letter import DeadLetterLimitReached, DeadLetters, Why, dead_letter_of, forget
from gridcare.kafka.produce import Producer
from gridcare.postgres.database import Database
from gridcare.testing.kafka import QUICK, committed, hint, poison, read_all, start_consumer, wires
from gridcare.testing.waiting import eventually
from gridcare_local.testing.servers import NewTopic

WHY = Why("bad", "builtins.ValueError")


def _record(topic: str, offset: int = 0, **changes) -> ConsumerRecord:
    record = ConsumerRecord(topic, 0, offset, 1_000, 0, b"k", b"v", None, 1, 1, (("ce_id", str(uuid4()).encode()),))
    return dataclasses.replace(record, **changes)


async def test_limit_outlives_restarts(
    brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str
):
    """At the limit the consumer stops without losing the record, and a restart does not reset the count."""
    topic = await new_topic()
    await producer.send_batch(wires(topic, [hint(number) for number in range(1, 9)]))

    async def handle(_: Sequence[Envelope]) -> None:
        raise Rejected("bad")

    limits = dataclasses.replace(QUICK, dead_letters_per_hour=3)
    for _ in range(3):
        with pytest.raises(DeadLetterLimitReached):
            await start_consumer(brokers, db, Subscription((topic,), handle), group=group, limits=limits).task
        assert len(await read_all(brokers, topic.dead_letters.name)) == 3
        assert await committed(brokers, group, topic) == 3
    async with db.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM consumer_crash") == 0
        await connection.execute("UPDATE dead_letter SET dead_lettered_at = dead_lettered_at - interval '61 minutes'")
    with pytest.raises(DeadLetterLimitReached):
        await start_consumer(brokers, db, Subscription((topic,), handle), group=group, limits=limits).task
    assert await committed(brokers, group, topic) == 6


async def test_limit_is_each_groups_own(db: Database, new_topic: NewTopic, producer: Producer):
    """One group's dead letters do not count towards another's limit."""
    topic = (await new_topic()).name
    for name in ("one", "two"):
        letters = DeadLetters(db, producer, name, limit_per_hour=2)
        await letters.put(_record(topic, 0), WHY)
        await letters.put(_record(topic, 1), WHY)
        with pytest.raises(DeadLetterLimitReached):
            await letters.put(_record(topic, 2), WHY)


async def test_put_aside_once(brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer):
    """A record that comes again after a crash between the dead letter and the commit is not put aside twice."""
    topic = await new_topic()
    letters = DeadLetters(db, producer, "g")
    await letters.put(_record(topic.name), WHY)
    await letters.put(_record(topic.name), WHY)
    assert len(await read_all(brokers, topic.dead_letters.name)) == 1


async def test_unpublished_is_published_next_time(
    brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, unused_tcp_port: int
):
    """A dead letter that the broker did not take is published at the next try."""
    topic = await new_topic()
    async with Producer(Brokers(f"127.0.0.1:{unused_tcp_port}"), client_id="lost", send_deadline_s=2) as lost:
        with pytest.raises(Retryable):
            await DeadLetters(db, lost, "g", limit_per_hour=1).put(_record(topic.name), WHY)
    await DeadLetters(db, producer, "g", limit_per_hour=1).put(_record(topic.name), WHY)
    assert len(await read_all(brokers, topic.dead_letters.name)) == 1


async def test_the_largest_record_fits(brokers: Brokers, db: Database, new_topic: NewTopic, group: str):
    """Whatever a topic can hold fits its dead-letter topic with all headers, with or without a key."""
    topic = await new_topic()
    async with Producer(brokers, client_id="tests", record_size_max_bytes=2_000_000) as producer:
        await producer.send_batch([Wire(topic.name, b"large", b"x" * 1_040_000, []), poison(topic)])

    async def handle(_: Sequence[Envelope]) -> None:
        raise AssertionError("nothing here can be read")

    running = start_consumer(brokers, db, Subscription((topic,), handle), group=group)

    async def both() -> bool:
        return await committed(brokers, group, topic) == 2

    await eventually(both)
    await running.stop()
    letters = await read_all(brokers, topic.dead_letters.name)
    assert len(letters[0].value) == 1_040_000
    assert DEAD_LETTER_SIZE_MAX_BYTES > 1_048_588
    wire = dead_letter_of(_record("t", key=None), WHY, group="g")
    assert (wire.key, wire.topic) == (b"", "t.dlq")


async def test_old_headers_are_dropped():
    """A record that is put aside again after a replay carries only the newest reasons."""
    headers = (("ce_id", b"1"), ("kafka_dlt-exception-message", b"old"), ("replay-for", b"g"))
    wire = dead_letter_of(_record("t", headers=headers), WHY, group="g")
    assert [value for name, value in wire.headers if name == "kafka_dlt-exception-message"] == [b"bad"]
    assert "replay-for" not in dict(wire.headers)


async def test_old_rows_are_deleted(db: Database, new_topic: NewTopic, producer: Producer):
    """Rows older than any record are deleted, newer ones stay."""
    topic = (await new_topic()).name
    letters = DeadLetters(db, producer, "g")
    await letters.put(_record(topic, 0), WHY)
    await letters.put(_record(topic, 1), WHY)
    async with db.transaction() as tx:
        await tx.execute("UPDATE dead_letter SET dead_lettered_at = now() - interval '36 days' WHERE \"offset\" = 0")
        assert await forget(tx, limit=10) == 1
        assert await tx.fetchval('SELECT "offset" FROM dead_letter') == 1
