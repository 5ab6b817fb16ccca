"""A database that was restored to an earlier time than its group's offsets: noticed, told, read again on request."""

from aiokafka.structs import TopicPartition

from gridcare.kafka.brokers import Brokers
from gridcare.kafka.consume import Subscription
from gridcare.kafka.produce import Producer
from gridcare.kafka.restored.positions import Lost, Positions, all_lost
from gridcare.kafka.restored.rewind import rewind
from gridcare.postgres.database import Database
from gridcare.testing.kafka import consuming, hint, wires
from gridcare.testing.logs import captured_logs
from gridcare.testing.metrics import sample
from gridcare.testing.waiting import eventually
from gridcare_local.testing.servers import NewTopic


async def test_a_restored_database_is_told(
    brokers: Brokers, new_topic: NewTopic, producer: Producer, group: str, db: Database
):
    """A consumer says which records are lost, and keeps saying it; after a rewind they are read again and it is over."""
    topic = await new_topic()
    partition = TopicPartition(topic.name, 0)
    seen: list[int] = []

    async def handle(envelopes):
        seen.extend(envelope.version for envelope in envelopes)

    subscription = Subscription((topic,), handle)
    await producer.send_batch(wires(topic, [hint(number) for number in range(1, 6)]))
    with captured_logs() as logs:
        async with consuming(brokers, db, subscription, group=group):
            await eventually(lambda: seen == [1, 2, 3, 4, 5])
        async with consuming(brokers, db, subscription, group=group):
            await eventually(lambda: len(logs.named("partitions_assigned")) == 2)
        assert not logs.named("restored_behind_topics")
        async with db.transaction() as tx:  # as it was when two records were applied
            await tx.execute("UPDATE consumer_position SET next_offset = 2")
        for starts in (1, 2):
            async with consuming(brokers, db, subscription, group=group):
                await eventually(lambda starts=starts: len(logs.named("restored_behind_topics")) == starts)
        told = logs.named("restored_behind_topics")[-1]
    assert (told["topic"], told["partition"], told["offset"], told["records"]) == (topic.name, 0, 2, 3)
    assert sample("consumer_lost_records", topic=topic.name) == 3
    lost = await all_lost(db)
    assert lost == [Lost(group, partition, 2, 5)]
    await rewind(brokers, db, lost)
    seen.clear()
    async with consuming(brokers, db, subscription, group=group):
        await eventually(lambda: seen == [3, 4, 5])
    assert await all_lost(db) == []


async def test_the_database_is_ahead(brokers: Brokers, db: Database, group: str):
    """A position never moves back by itself, and nothing is lost where nothing was noted."""
    positions, partition = Positions(db, group), TopicPartition("outages.v1", 3)
    assert await positions.lost(partition, 7) is None
    await positions.note({partition: 7, TopicPartition("outages.v1", 4): 1})
    await positions.note({partition: 5})
    assert await positions.lost(partition, 7) is None
    assert await positions.lost(partition, 9) == Lost(group, partition, 7, 9)
