"""A real broker, started once for the whole file, since each start takes seconds."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import UnknownTopicOrPartitionError

from gridcare_local.servers.kafka.server import find_kafka, start_kafka

pytestmark = pytest.mark.server

DEADLINE_S = 30


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    started = start_kafka(tmp_path_factory.mktemp("kafka"))
    yield started
    started.stop()


async def make_topic(broker, name):
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    try:
        await admin.start()
        await admin.create_topics([NewTopic(name, 2, 1)])
    finally:
        await admin.close()


async def produce(broker, topic, values):
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks="all", enable_idempotence=True)
    try:
        await producer.start()
        for value in values:
            await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def consume(broker, topic, count, group):
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=broker.bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    received = set()
    try:
        await consumer.start()
        while len(received) < count:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                received |= {record.value for record in records}
        return received
    finally:
        await consumer.stop()


async def test_data_survives_kill(broker):
    """After a kill -9 and a restart on the same port, a group reads all acknowledged records and new ones."""
    async with asyncio.timeout(DEADLINE_S):
        await make_topic(broker, "kept")
        before = {b"%d" % number for number in range(20)}
        await produce(broker, "kept", before)
        assert await consume(broker, "kept", 20, "first") == before
        bootstrap = broker.bootstrap
        broker.kill()
        assert find_kafka(broker.data_dir) is None
        await asyncio.to_thread(broker.start_again)
        assert broker.bootstrap == bootstrap
        await produce(broker, "kept", [b"new"])
        assert await consume(broker, "kept", 21, "second") == before | {b"new"}


async def test_topics_are_not_automatic(broker):
    """Asking for an undeclared topic does not create it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    try:
        await admin.start()
        (topic,) = await admin.describe_topics(["never-declared"])
        assert topic["error_code"] == UnknownTopicOrPartitionError.errno
        assert "never-declared" not in await admin.list_topics()
    finally:
        await admin.close()


def test_stop_and_start_again(broker):
    """A broker that was stopped cleanly starts again on its port."""
    bootstrap = broker.bootstrap
    broker.stop()
    assert not broker.is_serving()
    broker.start_again()
    assert broker.bootstrap == bootstrap
    assert broker.is_serving()
