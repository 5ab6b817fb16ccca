"""Records are handled in order, and what has to wait waits in place."""

import asyncio
import dataclasses
import json
from collections import defaultdict
from collections.abc import Sequence
from uuid import uuid4

import pytest

from gridcare.errors import Retryable
from gridcare.events import Envelope
from gridcare.kafka.brokers import Brokers
from gridcare.kafka.consume import Subscription
from gridcare.kafka.produce import Producer
from gridcare.observability import tracing
from gridcare.postgres.database import Database
from gridcare.testing.kafka import QUICK, Seen, committed, consuming, hint, read_all, start_consumer, wires
from gridcare.testing.waiting import eventually
from gridcare_local.testing.servers import NewTopic


async def test_all_in_order_and_committed(
    brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str
):
    """Every record is handled once and in order, and after a stop the group has committed all of them."""
    topic, seen = await new_topic(), Seen()
    await producer.send_batch(wires(topic, [hint(number) for number in range(1, 31)]))
    async with consuming(brokers, db, Subscription((topic,), seen), group=group):
        await eventually(lambda: len(seen.numbers) == 30)
    assert seen.numbers == list(range(1, 31))
    assert await committed(brokers, group, topic) == 30


async def test_batches_are_bounded(brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str):
    """A handler that takes several records gets at most that many, and nothing twice."""
    topic, seen = await new_topic(), Seen()
    await producer.send_batch(wires(topic, [hint(number) for number in range(1, 31)]))
    async with consuming(brokers, db, Subscription((topic,), seen, records_max=7), group=group):
        await eventually(lambda: len(seen.numbers) == 30)
    assert seen.numbers == list(range(1, 31))
    assert max(len(call) for call in seen.calls) == 7


async def test_the_next_member_continues(
    brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str
):
    """Records committed at a stop do not come again; leaving the group lets the next member in at once."""
    topic, first, second = await new_topic(), Seen(), Seen()
    await producer.send_batch(wires(topic, [hint(1), hint(2)]))
    async with consuming(brokers, db, Subscription((topic,), first), group=group):
        await eventually(lambda: len(first.numbers) == 2)
    await producer.send_batch(wires(topic, [hint(3)]))
    async with consuming(brokers, db, Subscription((topic,), second), group=group):
        await eventually(lambda: bool(second.numbers), timeout_s=QUICK.session_timeout_s - 1)
    assert second.numbers == [3]


async def test_retryable_holds_its_partition_alone(
    brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str
):
    """A record whose dependency is down is retried in place, nothing overtakes it, and other partitions go on."""
    topic = await new_topic(partitions=2)
    batch_ids = [uuid4() for _ in range(20)]
    sent = wires(topic, [hint(number, batch_id=batch_id) for number in (1, 2, 3) for batch_id in batch_ids])
    await producer.send_batch(sent)
    stuck, healthy = batch_ids[0], asyncio.Event()
    tried, seen = 0, defaultdict(list)

    async def handle(envelopes: Sequence[Envelope]) -> None:
        nonlocal tried
        (envelope,) = envelopes
        if envelope.data.batch_id == stuck and envelope.version == 2 and not healthy.is_set():
            tried += 1
            raise Retryable("the provider is down")
        seen[envelope.data.batch_id].append(envelope.version)

    where = {record.key: record.partition for record in await read_all(brokers, topic.name)}
    others = [each for each in batch_ids if where[str(each).encode()] != where[str(stuck).encode()]]
    assert others
    async with consuming(brokers, db, Subscription((topic,), handle), group=group):
        await eventually(lambda: tried >= 3 and all(seen[each] == [1, 2, 3] for each in others))
        assert seen[stuck] == [1]
        healthy.set()
        await eventually(lambda: all(seen[each] == [1, 2, 3] for each in batch_ids))
    assert await committed(brokers, group, topic) == 60


async def test_hanging_handlers_are_retried(
    brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str
):
    """A call that exceeds its deadline is cancelled and repeated, not treated as a bug."""
    topic, tries = await new_topic(), 0
    await producer.send_batch(wires(topic, [hint()]))

    async def handle(_: Sequence[Envelope]) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            await asyncio.Event().wait()

    limits = dataclasses.replace(QUICK, handle_deadline_s=0.2)
    async with consuming(brokers, db, Subscription((topic,), handle), group=group, limits=limits):
        await eventually(lambda: tries == 2)


async def test_stop_finishes_the_record(
    brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str
):
    """When told to stop, a member finishes the record in hand, starts no other and commits."""
    topic, begun, ended, go_on = await new_topic(), [], [], asyncio.Event()
    await producer.send_batch(wires(topic, [hint(1), hint(2)]))

    async def handle(envelopes: Sequence[Envelope]) -> None:
        begun.append(envelopes[0].version)
        await go_on.wait()
        ended.append(envelopes[0].version)

    running = start_consumer(brokers, db, Subscription((topic,), handle), group=group)
    await eventually(lambda: begun == [1])
    running.lifecycle.stop()
    go_on.set()
    await running.task
    assert (begun, ended) == ([1], [1])
    assert await committed(brokers, group, topic) == 1


async def test_other_groups_skip_replays(
    brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str
):
    """A record that was replayed for one group is handled only by that group."""
    topic, seen = await new_topic(), Seen()
    mine, others, plain = wires(topic, [hint(1), hint(2), hint(3)])
    mine.headers.append(("replay-for", group.encode()))
    others.headers.append(("replay-for", b"somebody-else"))
    await producer.send_batch([others, mine, others, plain, others])
    async with consuming(brokers, db, Subscription((topic,), seen, records_max=10), group=group):
        await eventually(lambda: len(seen.numbers) == 2)

        async def all_done() -> bool:
            return await committed(brokers, group, topic) == 5

        await eventually(all_done)
    assert seen.numbers == [1, 3]


async def test_span_of_the_event(
    *, brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str, tmp_path
):
    """The span of the handling is a child of the span that wrote the event."""
    topic, seen = await new_topic(), Seen()
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    await producer.send_batch(wires(topic, [hint(traceparent=f"00-{trace}-{parent}-01")]))
    file = tmp_path / "spans.jsonl"
    tracing.configure(service="tests", process="consumer", trace_file=str(file))
    try:
        async with consuming(brokers, db, Subscription((topic,), seen), group=group):
            await eventually(lambda: bool(seen.numbers))
    finally:
        tracing.shutdown()
    spans = [json.loads(line) for line in file.read_text().splitlines()]
    (handling,) = [each for each in spans if each["name"] == "consume"]
    assert (handling["trace_id"], handling["parent_id"]) == (trace, parent)
    assert handling["attributes"]["event_type"] == "gridcare.BatchPlanned"


async def test_without_a_broker_it_waits(unused_tcp_port: int, db: Database, new_topic: NewTopic, group: str):
    """The member waits for a missing broker, beating, until the process is told to stop."""
    topic = await new_topic()
    running = start_consumer(Brokers(f"127.0.0.1:{unused_tcp_port}"), db, Subscription((topic,), Seen()), group=group)
    began = running.lifecycle.last_beat_s
    await eventually(lambda: running.lifecycle.last_beat_s > began)
    assert not running.task.done()
    await running.stop()


async def test_ready_only_while_assigned(brokers: Brokers, db: Database, new_topic: NewTopic, group: str):
    """The process is ready once it has joined the group, until it leaves."""
    topic = await new_topic()
    running = start_consumer(brokers, db, Subscription((topic,), Seen()), group=group)
    assert not running.lifecycle.ready
    await eventually(lambda: running.lifecycle.ready)
    await running.stop()
    assert not running.lifecycle.ready


@pytest.mark.parametrize("records_max", [1, 50])
async def test_database_away(
    *, brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str, records_max: int
):
    """A handler whose database is away keeps its records and applies them all when it is back."""
    topic, away, applied, refused = await new_topic(), True, [], 0
    await producer.send_batch(wires(topic, [hint(number) for number in range(1, 6)]))

    async def handle(envelopes: Sequence[Envelope]) -> None:
        nonlocal refused
        if away:
            refused += 1
            raise Retryable("database: ConnectionDoesNotExistError")
        applied.extend(envelope.version for envelope in envelopes)

    subscription = Subscription((topic,), handle, records_max=records_max)
    async with consuming(brokers, db, subscription, group=group):
        await eventually(lambda: refused >= 2)
        away = False
        await eventually(lambda: applied == [1, 2, 3, 4, 5])
    async with db.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM consumer_crash") == 0
