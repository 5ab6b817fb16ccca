"""The same job as an ordinary service would do it: `python -m benchmarks.ordinary`, with its task in a line of stdin.

It prints an empty line when it is warm, starts at the next line of stdin, and prints its measurements at the end.

It writes one Kafka record per recipient, batched by the client. A consumer takes 500 at a time, looks up their devices
in one statement, sends with firebase-admin's `send_each_async`, writes one INSERT per message in one transaction, and
commits its offsets. There is no lease, no fence and no state that survives a crash in the middle.
"""

import asyncio
import os
import sys
import time
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from benchmarks.push_clients import FIREBASE_CALL_SIZE, Done, peak_mb, token

PARTITIONS = 6
WARM_UP = 200
POLL_MS = 200
TABLES = """
CREATE SCHEMA IF NOT EXISTS ordinary;
CREATE TABLE IF NOT EXISTS ordinary.device (customer_code text PRIMARY KEY, token text NOT NULL);
CREATE TABLE IF NOT EXISTS ordinary.delivery (
    notice_id text, customer_code text, state text NOT NULL, provider_message_id text, error text,
    sent_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (notice_id, customer_code));
"""
RECIPIENTS = "SELECT customer_code FROM ordinary.device ORDER BY customer_code LIMIT $1"
DEVICES = "SELECT customer_code, token FROM ordinary.device WHERE customer_code = ANY($1::text[])"
INSERT = """
INSERT INTO ordinary.delivery (notice_id, customer_code, state, provider_message_id, error) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
"""


class OrdinaryTask(msgspec.Struct):
    """What to do and where; `topic` is new in each run."""

    fcm_url: str
    ca_file: str
    credentials_file: str
    database_url: str
    kafka: str
    topic: str
    units: int


class Push(msgspec.Struct):
    """The record of one recipient."""

    notice_id: str
    customer_code: str


class Ordinary:
    """A service of one process that publishes a notice to its topic and sends what it consumes from there."""

    def __init__(self, db: Any, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer, topic: str) -> None:
        self._db, self._producer, self._consumer, self._topic = db, producer, consumer, topic

    async def publish(self, notice_id: str, units: int) -> None:
        """Write one record for each recipient."""
        for row in await self._db.fetch(RECIPIENTS, units):
            record = msgspec.json.encode(Push(notice_id, row[0]))
            await self._producer.send(self._topic, record, key=row[0].encode())
        await self._producer.flush()

    async def deliver(self, units: int, send_each: Any) -> None:
        """Consume, send and record until `units` recipients are done."""
        done = 0
        while done < units:
            records = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=FIREBASE_CALL_SIZE)
            pushes = [
                msgspec.json.decode(record.value or b"", type=Push) for part in records.values() for record in part
            ]
            if pushes:
                await self._deliver(pushes, send_each)
                await self._consumer.commit()
                done += len(pushes)

    async def _deliver(self, pushes: list[Push], send_each: Any) -> None:
        from benchmarks.firebase import push  # noqa: PLC0415 - the environment names the trusted CA first

        tokens = dict(await self._db.fetch(DEVICES, [each.customer_code for each in pushes]))
        messages = [
            push(tokens[each.customer_code], delivery_id=f"{each.notice_id}-{each.customer_code}") for each in pushes
        ]
        answer = await send_each(messages)
        async with self._db.transaction():
            for each, sent in zip(pushes, answer.responses, strict=True):
                state = "accepted" if sent.success else "failed"
                error = type(sent.exception).__name__ if sent.exception else None
                await self._db.execute(INSERT, each.notice_id, each.customer_code, state, sent.message_id, error)


async def serve(task: OrdinaryTask) -> Done:
    """Warm up, then measure from publishing until the last outcome is recorded."""
    os.environ |= {"SSL_CERT_FILE": task.ca_file, "REQUESTS_CA_BUNDLE": task.ca_file, "NO_PROXY": "127.0.0.1"}
    from benchmarks.firebase import open_app  # noqa: PLC0415 - as above

    send_each = open_app(task.fcm_url, task.credentials_file)
    async with AsyncExitStack() as stack:
        service = await _opened(task, stack)

        async def tell(notice_id: str, units: int) -> None:
            await asyncio.gather(service.publish(notice_id, units), service.deliver(units, send_each))

        await tell(f"{task.topic}-warm", min(WARM_UP, task.units))
        await asyncio.to_thread(_wait_for_the_start)
        cpu_s, started_s = time.process_time(), time.perf_counter()
        await tell(task.topic, task.units)
        return Done(time.perf_counter() - started_s, time.process_time() - cpu_s, peak_mb())


def _wait_for_the_start() -> None:
    """Report that we are warm and wait for the start, so that the servers' warm-up is not measured."""
    sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()
    sys.stdin.buffer.readline()


async def _opened(task: OrdinaryTask, stack: AsyncExitStack) -> Ordinary:
    db = await asyncpg.connect(task.database_url)
    stack.push_async_callback(db.close)
    await db.execute(TABLES)
    devices = [(f"PC{number:08d}", token(number)) for number in range(task.units)]
    await db.execute("TRUNCATE ordinary.device")
    await db.copy_records_to_table(
        "device", schema_name="ordinary", records=devices, columns=("customer_code", "token")
    )
    admin = AIOKafkaAdminClient(bootstrap_servers=task.kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(task.topic, PARTITIONS, 1)])
    finally:
        await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=task.kafka, acks="all", enable_idempotence=True, linger_ms=5)
    stack.push_async_callback(producer.stop)
    await producer.start()
    consumer = AIOKafkaConsumer(
        task.topic,
        bootstrap_servers=task.kafka,
        group_id=f"{task.topic}-sender",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    stack.push_async_callback(consumer.stop)
    await consumer.start()
    return Ordinary(db, producer, consumer, task.topic)


if __name__ == "__main__":
    given = msgspec.json.decode(sys.stdin.buffer.readline(), type=OrdinaryTask)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(serve(given))))
