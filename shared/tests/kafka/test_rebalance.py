"""Members come and go, brokers die and return: nothing is lost, and a repeated record has the same id."""

import asyncio
import logging
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from uuid import UUID, uuid4

from gridcare.events import Envelope
from gridcare.kafka.brokers import Brokers
from gridcare.kafka.consume import Subscription
from gridcare.kafka.produce import Producer
from gridcare.postgres.database import Database
from gridcare.postgres.inbox import accept
from gridcare.testing.kafka import Consuming, committed, consuming, hint, start_consumer, wires
from gridcare.testing.waiting import eventually
from gridcare_local.testing.servers import NewTopic, topic_maker

KEYS = 24
HINTS_A_KEY = 40


class Applied:
    """A handler that applies each event once, using the inbox, and remembers what came and what it applied, by key."""

    def __init__(self, db: Database, group: str) -> None:
        self._db = db
        self._group = group
        self.came: Counter[UUID] = Counter()
        self.numbers: dict[str, list[int]] = defaultdict(list)

    async def __call__(self, envelopes: Sequence[Envelope]) -> None:
        async with self._db.transaction() as tx:
            fresh = [envelope for envelope in envelopes if await accept(tx, self._group, envelope.id)]
            await asyncio.sleep(random.uniform(0, 0.02))  # noqa: S311 - so that there is work in hand when a rebalance starts
        for envelope in envelopes:
            self.came[envelope.id] += 1
        for envelope in fresh:
            self.numbers[envelope.subject].append(envelope.version)

    @property
    def total(self) -> int:
        return sum(len(numbers) for numbers in self.numbers.values())


async def test_churn_loses_nothing(brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str):
    """While a second member keeps joining and leaving, every event is applied once and in the order of its key."""
    topic, applied = await new_topic(partitions=6), Applied(db, group)
    keys = [uuid4() for _ in range(KEYS)]
    sent = [hint(number, batch_id=key) for number in range(1, HINTS_A_KEY + 1) for key in keys]
    subscription = Subscription((topic,), applied, records_max=5)

    async def publish() -> None:
        for start in range(0, len(sent), 60):
            await producer.send_batch(wires(topic, sent[start : start + 60]))
            await asyncio.sleep(0.2)

    async with consuming(brokers, db, subscription, group=group):
        publishing = asyncio.create_task(publish())
        joins = 0
        while not publishing.done() or joins < 3:
            other = start_consumer(brokers, db, subscription, group=group)
            await eventually(lambda: other.lifecycle.ready)  # noqa: B023 - called in this round only
            joins += 1
            await other.stop()
        await publishing
        await eventually(lambda: applied.total == len(sent), timeout_s=40)
    assert joins >= 3
    assert set(applied.came) == {envelope.id for envelope in sent}
    assert all(numbers == list(range(1, HINTS_A_KEY + 1)) for numbers in applied.numbers.values())
    assert await committed(brokers, group, topic) == len(sent)
    async with db.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM consumer_crash") == 0


async def test_two_members_share(brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str):
    """Two members of a group each work on a share of the partitions."""
    topic, by_member = await new_topic(partitions=4), [set(), set()]

    def handler(member: int):
        async def handle(envelopes: Sequence[Envelope]) -> None:
            by_member[member].add(envelopes[0].subject)

        return handle

    members: list[Consuming] = [
        start_consumer(brokers, db, Subscription((topic,), handler(member)), group=group) for member in (0, 1)
    ]

    async def both_work() -> bool:
        await producer.send_batch(wires(topic, [hint() for _ in range(20)]))
        return all(by_member)

    await eventually(both_work)
    for member in members:
        await member.stop()


async def test_revocation_waits_for_work(
    *, brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str, caplog
):
    """A record in hand when another member joins is finished and committed, not cancelled and repeated."""
    topic, begun, joined, ended = await new_topic(), [], asyncio.Event(), []
    await producer.send_batch(wires(topic, [hint()]))

    async def handle(_: Sequence[Envelope]) -> None:
        begun.append(1)
        await joined.wait()
        ended.append(1)

    subscription = Subscription((topic,), handle)
    caplog.set_level(logging.INFO, "aiokafka")

    def revoking() -> bool:
        return any("Revoking" in line and topic.name in line for line in caplog.messages)

    async with consuming(brokers, db, subscription, group=group):
        await eventually(lambda: len(begun) == 1)
        async with consuming(brokers, db, subscription, group=group) as second:
            await eventually(revoking)
            joined.set()
            await eventually(lambda: second.lifecycle.ready)
    assert (begun, ended) == ([1], [1])
    assert await committed(brokers, group, topic) == 1


async def test_broker_killed_and_back(own_kafka, db: Database, group: str):
    """Producer and consumer survive a broker that dies in mid-stream and returns."""
    topic = await topic_maker(own_kafka.bootstrap)(partitions=3)
    applied = Applied(db, group)
    sent = [hint(number, batch_id=key) for key in [uuid4() for _ in range(12)] for number in range(1, 31)]
    subscription = Subscription((topic,), applied, records_max=5)
    async with (
        Producer(Brokers(own_kafka.bootstrap), client_id="tests", send_deadline_s=60) as producer,
        consuming(Brokers(own_kafka.bootstrap), db, subscription, group=group) as member,
    ):
        await producer.send_batch(wires(topic, sent[:100]))
        await eventually(lambda: applied.total > 10)
        own_kafka.kill()
        sending = asyncio.create_task(producer.send_batch(wires(topic, sent[100:])))
        await asyncio.to_thread(own_kafka.start_again)
        await sending
        await eventually(lambda: applied.total == len(sent), timeout_s=60)
        assert not member.task.done()
    assert set(applied.came) == {envelope.id for envelope in sent}
    assert all(numbers == list(range(1, 31)) for numbers in applied.numbers.values())


async def test_stop_without_a_broker(own_kafka, db: Database, group: str):
    """A member whose broker is gone stops in bounded time and leaves nothing open."""
    topic, applied = await topic_maker(own_kafka.bootstrap)(), Applied(db, group)
    member = start_consumer(Brokers(own_kafka.bootstrap), db, Subscription((topic,), applied), group=group)
    await eventually(lambda: member.lifecycle.ready)
    own_kafka.kill()
    async with asyncio.timeout(25):
        await member.stop()
