"""Topics are created as declared and never grow."""

import asyncio
import dataclasses

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from gridcare.errors import Retryable
from gridcare.events import ALL_TOPICS
from gridcare.kafka.admin import TopicMismatch, ensure_topics
from gridcare.kafka.brokers import Brokers
from gridcare_local.testing.backend import Broker
from gridcare_local.testing.servers import NewTopic


async def _config(brokers: Brokers, name: str) -> dict[str, str]:
    client = AIOKafkaAdminClient(**brokers.options())
    try:
        await client.start()
        (answer,) = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        return {entry[0]: entry[1] for entry in answer.resources[0][4]}
    finally:
        await client.close()


async def test_all_topics_once(brokers: Brokers):
    """The first call creates every declared topic with its dead-letter topic, the second creates none."""
    created = await ensure_topics(brokers)
    again = await ensure_topics(brokers)
    assert set(created) <= {name for topic in ALL_TOPICS for name in (topic.name, f"{topic.name}.dlq")}
    assert again == []


async def test_config_as_declared(brokers: Brokers, new_topic: NewTopic):
    """A compacted topic compacts; its dead letters expire and may be as large as the topic's records."""
    topic = await new_topic(compacted=True)
    assert (await _config(brokers, topic.name))["cleanup.policy"] == "compact"
    dead = await _config(brokers, topic.dead_letters.name)
    assert dead["cleanup.policy"] == "delete"
    assert dead["retention.ms"] == str(28 * 24 * 3600 * 1000)
    assert int(dead["max.message.bytes"]) > 1_048_588


async def test_other_partitions_are_an_error(brokers: Brokers, new_topic: NewTopic):
    """An existing topic with other partitions is refused and left as it is."""
    topic = await new_topic(partitions=2)
    with pytest.raises(TopicMismatch, match="2 partitions"):
        await ensure_topics(brokers, [dataclasses.replace(topic, partitions=3)])
    await ensure_topics(brokers, [topic])


async def test_other_cleanup_is_an_error(brokers: Brokers, new_topic: NewTopic):
    """An existing topic that expires where compaction is declared is refused."""
    topic = await new_topic()
    with pytest.raises(TopicMismatch, match=r"cleanup\.policy"):
        await ensure_topics(brokers, [dataclasses.replace(topic, compacted=True)])


async def test_no_broker_is_retryable(unused_tcp_port: int):
    """A missing broker is reported as Retryable."""
    with pytest.raises(Retryable):
        await ensure_topics(Brokers(f"127.0.0.1:{unused_tcp_port}"), deadline_s=5)


async def test_a_late_broker_is_awaited(own_kafka: Broker):
    """A broker that starts after the job is waited for."""
    await asyncio.to_thread(own_kafka.stop)
    job = asyncio.create_task(ensure_topics(Brokers(own_kafka.bootstrap)))
    done, _ = await asyncio.wait({job}, timeout=1)
    assert not done
    await asyncio.to_thread(own_kafka.start_again)
    assert await asyncio.wait_for(job, 60)
