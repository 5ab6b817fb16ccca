"""Closing a client takes bounded time and leaves nothing behind: no task, no warning."""

import asyncio
import gc
import time
import warnings
from collections.abc import Sequence
from contextlib import contextmanager

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.group_coordinator import GroupCoordinator

from gridcare.errors import Retryable
from gridcare.events import Envelope, Topic
from gridcare.kafka.brokers import Brokers
from gridcare.kafka.clients import close_consumer, close_producer, new_group_member, new_producer, new_reader
from gridcare.kafka.consume import Subscription
from gridcare.kafka.produce import Producer
from gridcare.postgres.database import Database
from gridcare.testing.kafka import goes_through, hint, start_consumer, wires
from gridcare.testing.waiting import eventually
from gridcare_local.testing.backend import Broker
from gridcare_local.testing.servers import NewTopic, topic_maker

KILLED = "killed by the test"
AIOKAFKAS_OWN = (
    "_do_commit_offsets",  # it shields the request of a commit: one given up fails by itself when the connection closes
    KILLED,  # it hands its error to every fetch that waits: one that is cancelled in that moment leaves its copy unread
)
"""What may be complained of though everything was closed: the futures are aiokafka's, out of our reach."""


@contextmanager
def _silent(broker: Broker):
    broker.pause()
    try:
        yield
    finally:
        broker.resume()


@pytest.fixture
async def nothing_left():
    """Assert after the test that its tasks have ended and that nothing warned when it was garbage-collected."""
    complaints: list[str] = []
    loop = asyncio.get_running_loop()
    handler = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: complaints.append(repr(context)))
    before = asyncio.all_tasks()
    yield
    try:
        await eventually(
            lambda: not (asyncio.all_tasks() - before - {asyncio.current_task()}), timeout_s=5, what="tasks have ended"
        )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            gc.collect()
            await asyncio.sleep(0)
        assert [str(each.message) for each in caught] == []
        assert [each for each in complaints if not any(known in each for known in AIOKAFKAS_OWN)] == []
    finally:
        loop.set_exception_handler(handler)


@pytest.mark.usefixtures("nothing_left")
async def test_opened_and_closed(brokers: Brokers, group: str):
    """Clients that were started and closed leave nothing behind."""
    producer = new_producer(brokers, client_id="tests", request_size_max_bytes=1_000_000)
    member = new_group_member(brokers, group=group, client_id="tests", session_timeout_s=6)
    reader = new_reader(brokers, client_id="tests")
    for client in (producer, member, reader):
        await client.start()
    await close_producer(producer)
    await close_consumer(member)
    await close_consumer(reader)


@pytest.mark.usefixtures("nothing_left")
async def test_never_started(brokers: Brokers, group: str):
    """Clients that were never started leave nothing behind when closed."""
    await close_producer(new_producer(brokers, client_id="tests", request_size_max_bytes=1_000_000))
    await close_consumer(new_group_member(brokers, group=group, client_id="t", session_timeout_s=6))


@pytest.mark.usefixtures("nothing_left")
async def test_waiting_fetches_are_cancelled(brokers: Brokers, new_topic: NewTopic):
    """Fetches that wait to retry after a lost connection do not abort the close that cancels them."""
    reader = new_reader(brokers, client_id="tests")
    await reader.start()
    reader.assign([TopicPartition((await new_topic(partitions=1)).name, 0)])
    await eventually(lambda: reader._fetcher._pending_tasks)
    pauses = {asyncio.create_task(asyncio.sleep(60)) for _ in range(3)}  # what aiokafka's fetch does after an error
    reader._fetcher._pending_tasks.update(pauses)
    await asyncio.sleep(0)
    await close_consumer(reader)
    assert all(pause.cancelled() for pause in pauses)


@pytest.mark.usefixtures("nothing_left")
async def test_failed_to_start(unused_tcp_port: int):
    """A producer that could not connect leaves nothing behind."""
    async with Producer(Brokers(f"127.0.0.1:{unused_tcp_port}"), client_id="tests", send_deadline_s=2) as producer:
        with pytest.raises(Retryable):
            await producer.send_batch(wires(Topic("any.v1", 1), [hint()]))


@pytest.mark.usefixtures("nothing_left")
async def test_silent_broker_producer(own_kafka):
    """A producer with records under way to a silent broker closes in bounded time."""
    topic = await topic_maker(own_kafka.bootstrap)()
    async with Producer(Brokers(own_kafka.bootstrap), client_id="tests", send_deadline_s=1) as producer:
        await eventually(
            lambda: goes_through(producer, wires(topic, [hint()]))
        )  # a busy broker may need more than one second
        with _silent(own_kafka):
            with pytest.raises(Retryable):
                await producer.send_batch(wires(topic, [hint(number) for number in range(1, 3_000)]))
            began = time.monotonic()
            await producer.__aexit__(None, None, None)
            assert time.monotonic() - began < 16


@pytest.mark.usefixtures("nothing_left")
async def test_silent_broker_consumer(own_kafka, db: Database, group: str):
    """A member with work in hand whose broker is silent stops in bounded time."""
    topic, begun = await topic_maker(own_kafka.bootstrap)(partitions=2), asyncio.Event()

    async def handle(_: Sequence[Envelope]) -> None:
        begun.set()

    member = start_consumer(Brokers(own_kafka.bootstrap), db, Subscription((topic,), handle), group=group)
    await eventually(lambda: member.lifecycle.ready)
    async with Producer(Brokers(own_kafka.bootstrap), client_id="tests") as producer:
        await producer.send_batch(wires(topic, [hint() for _ in range(100)]))
        await begun.wait()
    with _silent(own_kafka):
        began = time.monotonic()
        await member.stop()
        assert time.monotonic() - began < 20


@pytest.mark.usefixtures("nothing_left")
async def test_background_task_that_dies(brokers: Brokers, db: Database, new_topic: NewTopic, group: str):
    """A member whose background task dies ends with that error, even if it holds no partition and fetches nothing."""
    topic = await new_topic(partitions=1)

    async def handle(_: Sequence[Envelope]) -> None:
        raise AssertionError("no record was sent")

    async def dies() -> None:
        raise RuntimeError(KILLED)

    members = [start_consumer(brokers, db, Subscription((topic,), handle), group=group) for _ in range(2)]

    def idle() -> list[GroupCoordinator]:
        ours = [each for each in gc.get_objects() if isinstance(each, GroupCoordinator) and each.group_id == group]
        held = [each._subscription.assigned_partitions() for each in ours]
        settled = len(ours) == 2 and all(member.lifecycle.ready for member in members) and sum(map(len, held)) == 1
        return [each for each, partitions in zip(ours, held, strict=True) if settled and not partitions]

    await eventually(lambda: len(idle()) == 1)
    (coordinator,) = idle()
    coordinator._heartbeat_task.cancel()
    coordinator._heartbeat_task = asyncio.create_task(dies())
    coordinator.request_rejoin()
    done, going_on = await asyncio.wait({member.task for member in members}, return_when=asyncio.FIRST_COMPLETED)
    with pytest.raises(Exception, match=KILLED):
        done.pop().result()
    for member in members:
        member.lifecycle.stop()
    await asyncio.wait(going_on)
