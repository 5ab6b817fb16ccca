"""Only what is finished is committed, and a member knows how far it lags behind."""

from aiokafka.structs import TopicPartition

from gridcare.kafka.brokers import Brokers
from gridcare.kafka.clients import close_consumer, new_group_member
from gridcare.kafka.offsets import Offsets
from gridcare.kafka.produce import Producer
from gridcare.kafka.restored.positions import Positions
from gridcare.postgres.database import Database
from gridcare.testing.kafka import committed, hint, wires
from gridcare_local.testing.servers import NewTopic


async def test_committed_and_behind(
    brokers: Brokers, new_topic: NewTopic, producer: Producer, group: str, db: Database
):
    """A partition whose first record is stuck counts as behind; a commit covers what was finished, not what was fetched."""
    topic = await new_topic()
    await producer.send_batch(wires(topic, [hint(number) for number in range(1, 11)]))
    consumer = new_group_member(brokers, group=group, client_id="tests", session_timeout_s=6)
    partition = TopicPartition(topic.name, 0)
    try:
        await consumer.start()
        consumer.subscribe([topic.name])
        fetched = await consumer.getmany(partition, timeout_ms=20_000)
        assert len(fetched[partition]) == 10
        offsets = Offsets(consumer, Positions(db, group))
        offsets.start(partition, 0)
        assert offsets.lag() == {topic.name: 10}
        offsets.finish(partition, 3)
        offsets.start(partition, 9)
        assert offsets.lag() == {topic.name: 6}
        await offsets.commit()
        assert await committed(brokers, group, topic) == 4
    finally:
        await close_consumer(consumer)


async def test_revoked_offsets_are_dropped(
    brokers: Brokers, new_topic: NewTopic, producer: Producer, group: str, db: Database
):
    """Offsets of a partition that is no longer held are not committed, without an error."""
    topic = await new_topic(partitions=1)
    await producer.send_batch(wires(topic, [hint()]))
    consumer = new_group_member(brokers, group=group, client_id="tests", session_timeout_s=6)
    try:
        await consumer.start()
        offsets = Offsets(consumer, Positions(db, group))
        offsets.finish(TopicPartition(topic.name, 0), 0)
        await offsets.commit()
        assert await committed(brokers, group, topic) == 0
    finally:
        await close_consumer(consumer)
