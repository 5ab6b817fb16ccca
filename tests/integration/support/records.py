"""Records on the stack's topics: reading them, producing them again, and the lag of a consumer group."""

from collections.abc import Mapping, Sequence

from aiokafka.structs import TopicPartition
from tests.integration.support.together import run

from gridcare.events.envelope import Wire
from gridcare.events.topics import ALL_TOPICS, Topic, dead_letter_topic
from gridcare.kafka.brokers import Brokers
from gridcare.kafka.clients import close_consumer, new_reader
from gridcare.kafka.dead_letters.dead_letter import EXCEPTION_MESSAGE, Record
from gridcare.kafka.produce import Producer
from gridcare.testing.kafka import committed, read_all


def records(bootstrap: str, topic: str) -> list[Record]:
    """Return every record that a topic holds now."""
    return run(read_all(Brokers(bootstrap), topic))


def produce(bootstrap: str, wires: Sequence[Wire]) -> None:
    """Produce records."""

    async def send() -> None:
        async with Producer(Brokers(bootstrap), client_id="tests") as producer:
            await producer.send_batch(wires)

    run(send())


def again(record: Record) -> Wire:
    """Return the same record, to be produced again as by a relay that died before it noted what it had sent."""
    return Wire(record.topic, record.key or b"", record.value, [(name, value) for name, value in record.headers])


def lag(bootstrap: str, group: str, topic: Topic) -> int:
    """Return the number of records on a topic that a group has not committed."""

    async def behind() -> int:
        reader = new_reader(Brokers(bootstrap), client_id="tests")
        try:
            await reader.start()
            ends = await reader.end_offsets([TopicPartition(topic.name, n) for n in range(topic.partitions)])
        finally:
            await close_consumer(reader)
        return sum(ends.values()) - await committed(Brokers(bootstrap), group, topic)

    return run(behind())


def dead_letters(bootstrap: str, topic: Topic) -> Mapping[bytes, str]:
    """Return the reasons of a topic's dead letters by the records' keys."""
    letters = records(bootstrap, dead_letter_topic(topic.name))
    return {letter.key or b"": dict(letter.headers)[EXCEPTION_MESSAGE].decode() for letter in letters}


def everything(bootstrap: str) -> dict[str, bytes]:
    """Return all keys, values and headers on every topic, dead letters included, as bytes by topic."""
    topics = [each for topic in ALL_TOPICS for each in (topic, topic.dead_letters)]
    partitions = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]

    async def read() -> dict[str, bytes]:
        held = {topic.name: bytearray() for topic in topics}
        reader = new_reader(Brokers(bootstrap), client_id="tests")
        try:
            await reader.start()
            reader.assign(partitions)
            ends = await reader.end_offsets(partitions)
            await reader.seek_to_beginning(*partitions)
            left = {partition for partition in partitions if ends[partition]}
            while left:
                for partition, fetched in (await reader.getmany(*left, timeout_ms=1_000)).items():
                    held[partition.topic] += b"\n".join(_bytes(record) for record in fetched)
                left = {partition for partition in left if await reader.position(partition) < ends[partition]}
        finally:
            await close_consumer(reader)
        return {name: bytes(content) for name, content in held.items()}

    return run(read())


def _bytes(record: Record) -> bytes:
    headers = b" ".join(name.encode() + b"=" + (value or b"") for name, value in record.headers)
    return b" ".join((record.key or b"", record.value or b"", headers))
