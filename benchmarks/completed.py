"""Waits for NoticeCompleted on its topic, as any consumer of notices may."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from gridcare.events.envelope import decode
from gridcare.events.notices import NoticeCompleted
from gridcare.events.topics import NOTICES


class Completions:
    """The records that are appended to the topic of notices from now on."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    @classmethod
    @asynccontextmanager
    async def open(cls, bootstrap: str) -> AsyncIterator[Self]:
        """Start reading at the current end of the topic."""
        consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
        try:
            await consumer.start()
            partitions = [TopicPartition(NOTICES.name, number) for number in range(NOTICES.partitions)]
            consumer.assign(partitions)
            await consumer.seek_to_end(*partitions)
            yield cls(consumer)
        finally:
            await consumer.stop()

    async def wait(self, notice_ids: Collection[str], *, timeout_s: float) -> NoticeCompleted:
        """Return the first event that completes one of these notices. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while True:
                record = await self._consumer.getone()
                event = decode(record.key, record.value, record.headers).data
                if isinstance(event, NoticeCompleted) and str(event.notice_id) in notice_ids:
                    return event
