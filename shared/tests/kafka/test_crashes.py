"""A record that crashes the process is handled at most five times and then put aside as a bug."""

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import structlog

from gridcare.errors import Retryable
from gridcare.events import Envelope
from gridcare.kafka.brokers import Brokers
from gridcare.kafka.consume import ConsumerLimits, Subscription
from gridcare.kafka.crashes import CRASHES_MAX
from gridcare.kafka.produce import Producer
from gridcare.postgres.database import Database
from gridcare.testing.kafka import committed, consuming, hint, read_all, start_consumer, wires
from gridcare.testing.waiting import eventually
from gridcare_local.testing.servers import NewTopic

KILLED_BY_A_RECORD = """
import asyncio, os, signal, sys
from gridcare.events import Topic
from gridcare.kafka.brokers import Brokers
from gridcare.kafka.consume import Subscription
from gridcare.postgres.database import Database
from gridcare.testing.kafka import start_consumer

bootstrap, url, topic, group, deadly = sys.argv[1:]

async def handle(envelopes):
    for envelope in envelopes:
        if envelope.version == int(deadly):
            os.kill(os.getpid(), signal.SIGKILL)
    for envelope in envelopes:
        print("applied", envelope.version, flush=True)
        if envelope.version == 9:
            member.lifecycle.stop()

async def main():
    global member
    async with Database.open(url, application_name="killed") as db:
        subscription = Subscription((Topic(topic, 1),), handle, 100)
        member = start_consumer(Brokers(bootstrap), db, subscription, group=group)
        await member.task

asyncio.run(main())
"""


async def _crashes(db: Database) -> list[tuple[int, int, str | None]]:
    async with db.read() as connection:
        rows = await connection.fetch('SELECT "offset", crashes, error_class FROM consumer_crash ORDER BY "offset"')
    return [(row["offset"], row["crashes"], row["error_class"]) for row in rows]


@pytest.mark.parametrize("records_max", [1, 100])
async def test_a_bug_crashes_five_times(
    *, brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str, records_max: int
):
    """A bug ends the member without committing its record; the sixth process puts the record aside and goes on."""
    topic, applied = await new_topic(), []
    await producer.send_batch(wires(topic, [hint(number) for number in range(1, 6)]))

    async def handle(envelopes: Sequence[Envelope]) -> None:
        if any(envelope.version == 3 for envelope in envelopes):
            raise KeyError("canary 0901234567")
        applied.extend(envelope.version for envelope in envelopes)

    subscription = Subscription((topic,), handle, records_max)
    for life in range(1, CRASHES_MAX + 1):
        with pytest.raises(KeyError):
            await start_consumer(brokers, db, subscription, group=group).task
        assert await committed(brokers, group, topic) == 2
        assert await _crashes(db) == [(2, life, "builtins.KeyError")]
    with structlog.testing.capture_logs() as logs:
        async with consuming(brokers, db, subscription, group=group):
            await eventually(lambda: applied == [1, 2, 4, 5])
    assert [entry["event"] for entry in logs if entry["log_level"] == "critical"] == ["record_keeps_crashing"]
    (letter,) = await read_all(brokers, topic.dead_letters.name)
    assert dict(letter.headers)["kafka_dlt-exception-message"] == b"bug"
    assert dict(letter.headers)["kafka_dlt-exception-fqcn"] == b"builtins.KeyError"
    assert await committed(brokers, group, topic) == 5
    assert await _crashes(db) == []


async def _live(*arguments: str) -> tuple[int | None, list[int]]:
    """Run a member in its own process and return its exit status and what it applied."""
    life = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", KILLED_BY_A_RECORD, *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        output, _ = await life.communicate()
    finally:
        if life.returncode is None:
            life.kill()
            await life.wait()
    lines = [line.split() for line in output.splitlines()]
    return life.returncode, [int(words[1]) for words in lines if words[:1] == [b"applied"]]


async def test_kill_9_counts_too(
    brokers: Brokers, database_url: str, new_topic: NewTopic, producer: Producer, group: str
):
    """The one record of a batch that kills the process is found, counted and put aside; the rest is handled."""
    topic = await new_topic()
    await producer.send_batch(wires(topic, [hint(number) for number in range(1, 10)]))
    arguments = (brokers.bootstrap, database_url, topic.name, group, "7")
    async with Database.open(database_url, application_name="tests") as db:
        assert await _live(*arguments) == (-signal.SIGKILL, [])
        assert await _crashes(db) == [(0, 1, None)]  # one of nine
        assert await _live(*arguments) == (-signal.SIGKILL, [1, 2, 3, 4, 5, 6])
        assert await _crashes(db) == [(6, 1, None)]  # this one
        async with db.transaction() as tx:  # three processes, each of which would take a session timeout
            await tx.execute("UPDATE consumer_crash SET crashes = crashes + 3")
        died, repeated = await _live(*arguments)
        assert died == -signal.SIGKILL
        assert await _crashes(db) == [(6, CRASHES_MAX, None)]
        lived, rest = await _live(*arguments)
        assert lived == 0
        assert {*rest} - {*repeated} == {8, 9}
        assert await _crashes(db) == []
    (letter,) = await read_all(brokers, topic.dead_letters.name)
    assert dict(letter.headers)["ce_sequence"] == b"7"
    assert dict(letter.headers)["kafka_dlt-exception-fqcn"] == b"killed"


async def test_waiting_is_no_crash(brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str):
    """A record that waits for a dependency is not counted, however often the process is restarted meanwhile."""
    topic = await new_topic()
    await producer.send_batch(wires(topic, [hint()]))
    tries = 0

    async def handle(_: Sequence[Envelope]) -> None:
        nonlocal tries
        tries += 1
        raise Retryable("down")

    for _ in range(CRASHES_MAX + 1):
        before = tries
        async with consuming(brokers, db, Subscription((topic,), handle), group=group):
            await eventually(lambda: tries > before)  # noqa: B023 - called in this round only
    assert await _crashes(db) == []
    assert await read_all(brokers, topic.dead_letters.name) == []


async def test_cancelled_is_no_crash(
    brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str
):
    """A handler that outlasts the grace of a stop is cancelled; its record is neither counted nor committed."""
    topic, begun = await new_topic(), asyncio.Event()
    await producer.send_batch(wires(topic, [hint()]))

    async def handle(_: Sequence[Envelope]) -> None:
        begun.set()
        await asyncio.Event().wait()

    limits = ConsumerLimits(session_timeout_s=6, stop_grace_s=0.2)
    async with consuming(brokers, db, Subscription((topic,), handle), group=group, limits=limits):
        await begun.wait()
    assert await _crashes(db) == []
    assert await committed(brokers, group, topic) == 0


async def test_other_partitions_end_in_order(
    *, brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str, tmp_path: Path
):
    """When a record crashes the member, records in hand on other partitions are finished and committed first."""
    topic = await new_topic(partitions=2)
    sent = wires(topic, [hint(number) for number in range(1, 21)])
    await producer.send_batch(sent)
    partition_of = {
        int(dict(record.headers)["ce_sequence"]): record.partition for record in await read_all(brokers, topic.name)
    }
    bad = next(number for number, partition in partition_of.items() if partition == 0)
    slow = next(number for number, partition in partition_of.items() if partition == 1)
    slow_begun, crashing, ended = asyncio.Event(), asyncio.Event(), []

    async def handle(envelopes: Sequence[Envelope]) -> None:
        number = envelopes[0].version
        if number == bad:
            await slow_begun.wait()
            crashing.set()
            raise ZeroDivisionError
        if number == slow:
            slow_begun.set()
            await crashing.wait()
            await asyncio.sleep(0.2)  # it is still under way when the other one raises
        ended.append(number)

    with pytest.raises(ZeroDivisionError):
        await start_consumer(brokers, db, Subscription((topic,), handle), group=group).task
    assert slow in ended
    assert await committed(brokers, group, topic) == len(ended)
    assert [count for _, count, _ in await _crashes(db)] == [1]
