"""Creates the topics that gridcare.events.topics declares. Topics never grow."""

import asyncio
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from gridcare.errors import GridcareError, Retryable
from gridcare.events.topics import ALL_TOPICS, Topic
from gridcare.kafka.brokers import Brokers
from gridcare.observability.logging import get_logger
from gridcare.process.backoff import Backoff

REPLICAS = 3
"""If the cluster has that many brokers; a single broker (development, tests) holds one copy."""

DEAD_LETTER_SIZE_MAX_BYTES = 2_000_000
"""A dead letter is the original record plus headers, so whatever fits a topic must fit its dead-letter topic."""

DEADLINE_S = 600
"""A release may start before its brokers do: the job waits for them rather than fail."""

BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 10.0

logger = get_logger()


class TopicMismatch(GridcareError):
    """A topic exists with other partitions or another cleanup policy than declared. Growing it would break key order."""


async def ensure_topics(
    brokers: Brokers, topics: Iterable[Topic] = ALL_TOPICS, *, deadline_s: float = DEADLINE_S
) -> list[str]:
    """Create the missing topics, each with its dead-letter topic, and return the names created.

    Raises TopicMismatch if an existing topic differs, and Retryable if the cluster does not answer in time.
    """
    wanted = {each.name: each for topic in topics for each in (topic, topic.dead_letters)}
    backoff = Backoff(first_s=BACKOFF_FIRST_S, limit_s=BACKOFF_MAX_S)
    ends_s = time.monotonic() + deadline_s
    while True:
        try:
            async with asyncio.timeout(max(ends_s - time.monotonic(), 0)):
                return await _ensure(brokers, wanted)
        except (KafkaError, TimeoutError, OSError) as error:
            pause_s = backoff.failed()
            if time.monotonic() + pause_s >= ends_s:
                raise Retryable(f"kafka: {type(error).__name__}") from error
            logger.info("topics_wait", error_class=type(error).__name__)
            await asyncio.sleep(pause_s)


def new_admin(brokers: Brokers) -> AIOKafkaAdminClient:
    """Return a client for administration, not yet started."""
    return AIOKafkaAdminClient(**brokers.options(), request_timeout_ms=10_000)


async def _ensure(brokers: Brokers, wanted: dict[str, Topic]) -> list[str]:
    admin = new_admin(brokers)
    try:
        await admin.start()
        created = await _create_missing(admin, wanted)
        await _verify(admin, wanted)
        return created
    finally:
        await admin.close()


async def _create_missing(admin: AIOKafkaAdminClient, wanted: dict[str, Topic]) -> list[str]:
    missing = sorted(set(wanted) - set(await admin.list_topics()))
    if not missing:
        return []
    brokers = len((await admin.describe_cluster())["brokers"])
    replicas = min(REPLICAS, brokers)
    response: Any = await admin.create_topics(
        [
            NewTopic(
                name,
                num_partitions=wanted[name].partitions,
                replication_factor=replicas,
                topic_configs=_config(wanted[name], replicas),
            )
            for name in missing
        ]
    )
    for name, code, *_ in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:  # another process is creating them too
            raise error(name)
    logger.info("topics_created", count=len(missing))
    return missing


def _config(topic: Topic, replicas: int) -> dict[str, str]:
    config = {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "min.insync.replicas": str(max(1, replicas - 1)),
    }
    if not topic.compacted:
        config["retention.ms"] = str(int(timedelta(days=topic.retention_days) / timedelta(milliseconds=1)))
    if topic.name.endswith(".dlq"):
        config["max.message.bytes"] = str(DEAD_LETTER_SIZE_MAX_BYTES)
    return config


async def _verify(admin: AIOKafkaAdminClient, wanted: dict[str, Topic]) -> None:
    """Wait until every topic is known with a leader, then compare it with its declaration."""
    while True:
        described = {each["topic"]: each for each in await admin.describe_topics(sorted(wanted))}
        ready = [
            name
            for name, state in described.items()
            if not state["error_code"] and all(part["leader"] >= 0 for part in state["partitions"])
        ]
        if len(ready) == len(wanted):
            break
        await asyncio.sleep(0.1)
    for name, topic in wanted.items():
        partitions = len(described[name]["partitions"])
        if partitions != topic.partitions:
            raise TopicMismatch(f"{name} has {partitions} partitions, declared are {topic.partitions}")
    await _verify_cleanup(admin, wanted)


async def _verify_cleanup(admin: AIOKafkaAdminClient, wanted: dict[str, Topic]) -> None:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, {"cleanup.policy": ""}) for name in sorted(wanted)]
    responses: list[Any] = await admin.describe_configs(resources)
    for response in responses:
        for _code, _message, _kind, name, entries in response.resources:
            policy = next((entry[1] for entry in entries if entry[0] == "cleanup.policy"), None)
            declared = "compact" if wanted[name].compacted else "delete"
            if policy is not None and policy != declared:
                raise TopicMismatch(f"{name} has cleanup.policy {policy}, declared is {declared}")
