"""A journal of every record on every topic, read from the start of the campaign: the outbox forgets what was sent."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass

from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition

from gridcare.events.topics import ALL_TOPICS, dead_letter_topic
from gridcare.kafka.brokers import Brokers
from gridcare.kafka.clients import close_consumer, new_reader

VERSION_HEADERS = ("ce_aggregateversion", "ce_sequence")
FETCH_MS = 500
LOOK_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One record as it lies on its topic. `event_id` is empty where the record is no event."""

    topic: str
    partition: int
    offset: int
    key: str
    event_id: str
    type: str
    version: int
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class TopicsJournal:
    """Follows every topic, dead letters included, without a group. `hits` are records in which `needles` were found."""

    def __init__(self, bootstrap: Callable[[], str], needles: re.Pattern[bytes]) -> None:
        self._bootstrap = bootstrap
        self._needles = needles
        topics = [topic for each in ALL_TOPICS for topic in (each, each.dead_letters)]
        self._next = {TopicPartition(topic.name, n): 0 for topic in topics for n in range(topic.partitions)}
        self.records: list[Seen] = []
        self.hits: list[str] = []
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Follow in the background until `stop`."""
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def caught_up(self) -> bool:
        """Return whether everything that the topics hold now was read."""
        ends = await self.ends()
        return all(self._next[partition] >= end for partition, end in ends.items())

    async def ends(self) -> dict[TopicPartition, int]:
        """Return where each partition ends now. Raises KafkaError, TimeoutError."""
        reader = new_reader(Brokers(self._bootstrap()), client_id="campaign-ends")
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                await reader.start()
                return dict(await reader.end_offsets(list(self._next)))
        finally:
            await close_consumer(reader)

    async def _follow(self) -> None:
        while True:
            reader = new_reader(Brokers(self._bootstrap()), client_id="campaign")
            try:
                await reader.start()
                reader.assign(list(self._next))
                for partition, offset in self._next.items():
                    reader.seek(partition, offset)
                while True:
                    for records in (await reader.getmany(timeout_ms=FETCH_MS)).values():
                        for record in records:
                            self._take(record)
            except (KafkaError, OSError, TimeoutError):
                await asyncio.sleep(0.5)
            finally:
                await close_consumer(reader)

    def _take(self, record: "ConsumerRecord[bytes, bytes]") -> None:
        headers = dict(record.headers)
        partition = TopicPartition(record.topic, record.partition)
        if record.offset < self._next[partition]:
            return
        self._next[partition] = record.offset + 1
        version = next((int(headers[name]) for name in VERSION_HEADERS if _is_number(headers.get(name))), 0)
        key, value = record.key or b"", record.value
        seen = Seen(
            partition.topic,
            partition.partition,
            record.offset,
            key.decode(errors="replace"),
            headers.get("ce_id", b"").decode(errors="replace"),
            headers.get("ce_type", b"").decode(errors="replace"),
            version,
            value,
            tuple(record.headers),
        )
        self.records.append(seen)
        whole = b" ".join(
            [key, value or b"", *(name.encode() + b"=" + (text or b"") for name, text in headers.items())]
        )
        if self._needles.search(whole):
            self.hits.append(f"{seen.topic}-{seen.partition}@{seen.offset}")


def _is_number(text: bytes | None) -> bool:
    return text is not None and text.isdigit()


def is_dead_letter(topic: str) -> bool:
    """Return whether a topic holds dead letters."""
    return topic == dead_letter_topic(topic.removesuffix(".dlq"))
