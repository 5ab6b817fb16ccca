"""The producer keeps order, has limits and is replaced after a fatal error."""

import time
from collections import defaultdict
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.partitioner import murmur2

from gridcare.errors import Rejected, Retryable
from gridcare.events import Topic, Wire
from gridcare.kafka.brokers import Brokers
from gridcare.kafka.produce import Producer
from gridcare.testing.kafka import goes_through, hint, read_all, wires
from gridcare.testing.waiting import eventually
from gridcare_local.testing.servers import NewTopic, topic_maker

HUGE = 3_000_000


def _producer(brokers: Brokers, **options) -> Producer:
    return Producer(brokers, client_id="tests", **options)


def _huge(topic: Topic) -> Wire:
    return Wire(topic.name, b"huge", b"x" * 1_500_000, [])


async def _limit(brokers: Brokers, topic: Topic, *, size_max_bytes: int) -> None:
    admin = AIOKafkaAdminClient(**brokers.options())
    try:
        await admin.start()
        limit = {"max.message.bytes": str(size_max_bytes)}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, limit)])
    finally:
        await admin.close()


async def test_order_within_a_key(brokers: Brokers, new_topic: NewTopic):
    """Records with the same key arrive in the order in which they were sent, over many batches."""
    topic = await new_topic(partitions=3)
    keys = [uuid4() for _ in range(40)]
    sent = wires(topic, [hint(number, batch_id=key) for number in range(1, 101) for key in keys])
    async with _producer(brokers) as producer:
        await producer.send_batch(sent)
    records = await read_all(brokers, topic.name)
    by_key: dict[bytes, list[int]] = defaultdict(list)
    for record in records:
        by_key[record.key].append(int(dict(record.headers)["ce_sequence"]))
    assert len(records) == 4_000
    assert all(numbers == list(range(1, 101)) for numbers in by_key.values())


async def test_partition_is_javas(brokers: Brokers, new_topic: NewTopic):
    """A key's partition is the one that every Kafka client chooses: murmur2, checked with Kafka's own test vectors."""
    assert murmur2(b"21") == -973932308 & 0xFFFFFFFF
    topic = await new_topic(partitions=5)
    async with _producer(brokers) as producer:
        await producer.send_batch(wires(topic, [hint() for _ in range(50)]))
    for record in await read_all(brokers, topic.name):
        assert record.partition == (murmur2(record.key) & 0x7FFFFFFF) % 5


async def test_several_topics_and_tombstones(brokers: Brokers, new_topic: NewTopic):
    """One call may hold records of several topics, and records without a value."""
    plain, compacted = await new_topic(), await new_topic(compacted=True)
    async with _producer(brokers) as producer:
        await producer.send_batch([*wires(plain, [hint()]), Wire(compacted.name, b"gone", None, [("a", b"b")])])
    (tombstone,) = await read_all(brokers, compacted.name)
    assert (tombstone.key, tombstone.value, tombstone.headers) == (b"gone", None, (("a", b"b"),))
    assert len(await read_all(brokers, plain.name)) == 1


async def test_too_large_is_refused_first(brokers: Brokers, new_topic: NewTopic):
    """If a record is over the limit, nothing of the call is sent."""
    topic = await new_topic()
    async with _producer(brokers) as producer:
        with pytest.raises(Rejected, match="record-too-large"):
            await producer.send_batch([*wires(topic, [hint()]), _huge(topic)])
    assert await read_all(brokers, topic.name) == []


async def test_replaced_after_the_broker_refused(brokers: Brokers, new_topic: NewTopic):
    """After a record that only the broker found too large, the producer still works."""
    topic = await new_topic()
    async with _producer(brokers, record_size_max_bytes=HUGE) as producer:
        await producer.send_batch(wires(topic, [hint()]))
        with pytest.raises(Rejected, match="record-too-large"):
            await producer.send_batch([_huge(topic)])
        await producer.send_batch(wires(topic, [hint(), hint()]))
    assert len(await read_all(brokers, topic.name)) == 3


async def test_unknown_topic_is_retryable(brokers: Brokers):
    """A send waits for a topic that does not exist yet, within its deadline."""
    async with _producer(brokers, send_deadline_s=1) as producer:
        with pytest.raises(Retryable):
            await producer.send_batch([Wire("no-such-topic.v1", b"k", b"v", [])])


async def test_missing_topic_stops_nobody(brokers: Brokers, new_topic: NewTopic):
    """Records of a topic that is not there fail alone, and the next call does not wait for them again."""
    topic = await new_topic(partitions=3)
    missing = [Wire("no-such-topic.v1", b"k", b"v", [])]
    async with _producer(brokers) as producer:
        outcomes = await producer.send_each([*missing, *wires(topic, [hint() for _ in range(20)])])
        assert isinstance(outcomes[0], Retryable)
        assert outcomes[1:] == [None] * 20
        started = time.monotonic()
        first, second = await producer.send_each([*missing, *wires(topic, [hint()])])
        assert isinstance(first, Retryable)
        assert second is None
        assert time.monotonic() - started < 1
    assert len(await read_all(brokers, topic.name)) == 21


async def test_refused_amid_a_batch(brokers: Brokers, new_topic: NewTopic):
    """Of records that are refused as one batch, only the one that is too large is refused; the others arrive in order."""
    topic = await new_topic()
    await _limit(brokers, topic, size_max_bytes=20_000)
    large = Wire(topic.name, b"large", b"x" * 25_000, [])
    sent = wires(topic, [hint(number) for number in range(1, 9)])
    async with _producer(brokers) as producer:
        outcomes = await producer.send_each([*sent[:4], large, *sent[4:]])
    assert [type(outcome) for outcome in outcomes] == [type(None)] * 4 + [Rejected] + [type(None)] * 4
    kept = [record.key for record in await read_all(brokers, topic.name)]
    assert kept == [wire.key for wire in sent]


async def test_no_broker_is_retryable(unused_tcp_port: int):
    """Without a broker a send fails as Retryable and leaves nothing open (a leak would warn, and warnings are errors)."""
    async with _producer(Brokers(f"127.0.0.1:{unused_tcp_port}"), send_deadline_s=3) as producer:
        for _ in range(2):
            with pytest.raises(Retryable, match="KafkaConnectionError"):
                await producer.send_batch([Wire("any.v1", b"k", b"v", [])])


async def test_silent_broker(own_kafka):
    """If a broker accepts requests but never answers, sends and closing end in time, and later sends succeed."""
    topic = await topic_maker(own_kafka.bootstrap)()
    async with _producer(Brokers(own_kafka.bootstrap), send_deadline_s=2) as producer:
        await eventually(lambda: goes_through(producer, wires(topic, [hint()])))
        unknown = wires(topic, [hint()])
        own_kafka.pause()
        try:
            started = time.monotonic()
            with pytest.raises(Retryable, match="TimeoutError"):
                await producer.send_batch(unknown)
            assert time.monotonic() - started < 5
            async with _producer(Brokers(own_kafka.bootstrap), send_deadline_s=1) as other:
                with pytest.raises(Retryable):
                    await other.send_batch(unknown)
            assert time.monotonic() - started < 20
        finally:
            own_kafka.resume()
        await eventually(lambda: goes_through(producer, unknown), timeout_s=60)
    event_ids = {dict(record.headers)["ce_id"] for record in await read_all(Brokers(own_kafka.bootstrap), topic.name)}
    assert dict(unknown[0].headers)["ce_id"] in event_ids
